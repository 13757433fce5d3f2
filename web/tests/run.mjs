// Bundles tests/*.test.ts and runs them with node's test runner, one file after the other:
// each browser test has the machine to itself.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

process.chdir(path.join(path.dirname(fileURLToPath(import.meta.url)), ".."));
const wanted = process.argv.slice(2).filter((a) => !a.startsWith("-"));
const flags = process.argv.slice(2).filter((a) => a.startsWith("-"));
const files = readdirSync("tests").filter((f) => f.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((w) => f.includes(w))));
const out = "node_modules/.tests";
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
buildSync({
  entryPoints: files.map((f) => `tests/${f}`),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "inline",
});
const { status } = spawnSync(
  process.execPath,
  ["--enable-source-maps", "--test", "--test-concurrency=1", ...flags, ...files.map((f) => path.join(out, f.replace(/\.ts$/, ".mjs")))],
  { stdio: "inherit" },
);
process.exit(status ?? 1);
