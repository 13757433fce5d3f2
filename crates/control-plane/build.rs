//! Lists the built web pages of `web/dist` for `http/ui.rs` to embed. A build without them (no
//! Node at hand) works too and serves a page that says how to get them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a browser asks for; the npm package and licence texts stay out of the binary.
const SERVED: [&str; 5] = ["html", "js", "css", "svg", "json"];

fn main() -> io::Result<()> {
    let dist = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../../web/dist");
    // Cargo takes a missing folder for one that has just changed and would rebuild every time. Where
    // the sources cannot be written, it does so.
    let _ = fs::create_dir_all(&dist);
    println!("cargo::rerun-if-changed=../../web/dist");
    println!("cargo::rerun-if-changed=build.rs");

    let mut files = Vec::new();
    walk(&dist, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file
            .strip_prefix(&dist)
            .expect("it was found there")
            .to_string_lossy()
            .replace('\\', "/");
        let gzip = PathBuf::from(format!("{}.gz", file.display()));
        let gzip = if gzip.exists() {
            format!("Some(include_bytes!({gzip:?}))")
        } else {
            "None".into()
        };
        let _ = writeln!(
            table,
            "    File {{ name: {name:?}, body: include_bytes!({file:?}), gzip: {gzip} }},"
        );
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("ui_files.rs");
    fs::write(out, table)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("npm") {
                walk(&path, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|e| SERVED.iter().any(|served| e == *served))
        {
            files.push(path);
        }
    }
    Ok(())
}
