// Bundles the element, the pages and the npm package into dist/, each file with its gzip beside it.
// dist/ (without dist/npm) is embedded in the binary by crates/control-plane/src/http/ui.rs.
import { execFileSync } from "node:child_process";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

process.chdir(path.dirname(fileURLToPath(import.meta.url)));
const watch = process.argv.includes("--watch");

/** The script that a page pastes in: element and livekit-client together, in gzipped bytes. */
const BUDGET = 250_000;

const shared = {
  bundle: true,
  minify: !watch,
  target: ["es2022"],
  legalComments: "linked",
  loader: { ".css": "text" },
  logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
};
const builds = [
  { ...shared, entryPoints: ["src/call/index.ts"], outfile: "dist/sidetone-call.js", format: "iife" },
  { ...shared, entryPoints: ["src/call/index.ts"], outfile: "dist/npm/sidetone-call.js", format: "esm", packages: "external" },
  { ...shared, entryPoints: ["src/pages/try.ts", "src/pages/calls.ts", "src/pages/pool.ts", "src/pages/listen.ts"], outdir: "dist/assets", format: "esm" },
  { ...shared, entryPoints: ["src/pages/pages.css"], outdir: "dist/assets", loader: {} },
];

async function finish() {
  await cp("public", "dist", { recursive: true });
  for (const name of await readdir("dist", { recursive: true })) {
    if (!/\.(js|css|html|svg|json)$/.test(name) || name.startsWith("npm")) continue;
    const file = path.join("dist", name);
    await writeFile(`${file}.gz`, gzipSync(await readFile(file), { level: 9 }));
  }
}

await rm("dist", { recursive: true, force: true });
if (watch) {
  for (const options of builds) {
    const context = await esbuild.context({ ...options, plugins: [{ name: "finish", setup: (b) => b.onEnd(finish) }] });
    await context.watch();
  }
} else {
  await Promise.all(builds.map((options) => esbuild.build(options)));
  await finish();
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.npm.json"], { stdio: "inherit" });
  const { length } = await readFile("dist/sidetone-call.js.gz");
  console.log(`sidetone-call.js: ${(length / 1000).toFixed(1)} kB gzipped of ${BUDGET / 1000} kB`);
  if (length > BUDGET) throw new Error("sidetone-call.js is over its budget: drop weight or a dependency");
}
