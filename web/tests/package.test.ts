/** The npm package as a host page's project gets it: its files, its types, its documents. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

const WEB = process.cwd();
let host: string;

before(async () => {
  host = await mkdtemp(path.join(tmpdir(), "sidetone-host-"));
});

after(async () => {
  await rm(host, { recursive: true, force: true });
});

function npm(...args: string[]): string {
  return execFileSync("npm", args, { cwd: WEB, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

test("the package holds the element, its types and its README, and nothing else", () => {
  // By npm's version a list of packages, or one by name.
  const told = JSON.parse(npm("pack", "--dry-run", "--json", "--ignore-scripts")) as Record<string, unknown>;
  const [packed] = Object.values(told) as { files: { path: string }[]; unpackedSize: number }[];
  const files = packed!.files.map((file) => file.path);
  for (const file of ["package.json", "README.md", "dist/npm/sidetone-call.js", "dist/npm/call/index.d.ts"]) {
    assert.ok(files.includes(file), `${file} in ${files.join(", ")}`);
  }
  const others = files.filter((file) => !/^(package\.json|README\.md|dist\/npm\/(sidetone-call\.js|sidetone-call\.js\.LEGAL\.txt|call\/[a-z-]+\.d\.ts))$/.test(file));
  assert.deepEqual(others, []);
  assert.ok(packed!.unpackedSize < 200_000, `${packed!.unpackedSize} bytes: livekit-client is a dependency, not a part`);
});

test("a host page in TypeScript and the React example of the README compile against the packed types", async () => {
  npm("pack", "--ignore-scripts", "--pack-destination", host);
  const modules = path.join(host, "node_modules");
  await mkdir(path.join(modules, "@types"), { recursive: true });
  execFileSync("bash", ["-c", "tar -xzf *.tgz && mv package node_modules/sidetone-call"], { cwd: host });
  for (const name of ["livekit-client", "@types/react", "csstype"]) {
    await symlink(path.join(WEB, "node_modules", name), path.join(modules, name));
  }
  await writeFile(path.join(host, "page.ts"), `
    import { CallError, type SidetoneCall, type TokenProvider, type Turn } from "sidetone-call";
    const getToken: TokenProvider = async ({ roomType, agent }) => {
      const response = await fetch("/token", { method: "POST", body: JSON.stringify({ roomType, agent }) });
      if (!response.ok) throw new CallError({ code: "unavailable", retry: true });
      return (await response.json()) as { livekitHost: string; token: string };
    };
    const call: SidetoneCall = document.createElement("sidetone-call");
    call.tokenProvider = getToken;
    call.strings = { start: "Ring us" };
    call.addEventListener("sidetone-turn", ({ detail }) => {
      const turn: Turn = detail;
      console.log(turn.heardMs?.toFixed(), call.levels.agent, call.snapshot?.phase.is);
    });
    call.addEventListener("sidetone-ended", ({ detail }) => console.log(detail.by === "agent", detail.seconds.toFixed()));
    call.addEventListener("click", (event: MouseEvent) => console.log(event.clientX));
    // @ts-expect-error: the wrong kind of token is found by the compiler.
    call.tokenProvider = async () => ({ jwt: "" });
    document.body.append(call);
    await call.start({ microphone: false });
  `);
  const example = /```tsx\n(.*?)```/s.exec(await readFile("README.md", "utf8"))![1]!;
  await writeFile(path.join(host, "button.tsx"), example);
  await writeFile(path.join(host, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(path.join(host, "tsconfig.json"), JSON.stringify({
    compilerOptions: {
      target: "ES2022", module: "ESNext", moduleResolution: "bundler", lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"], types: ["react"],
      strict: true, noEmit: true, jsx: "react-jsx", preserveSymlinks: true, skipLibCheck: true,
    },
    include: ["page.ts", "button.tsx"],
  }));
  const compile = () => {
    try {
      return execFileSync(process.execPath, [path.join(WEB, "node_modules/typescript/bin/tsc"), "-p", "."], { cwd: host, encoding: "utf8" });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  assert.equal(compile(), "");
});

test("the README's tables name what the code has: attributes, events, CSS variables, parts", async () => {
  const [readme, element, view, css] = await Promise.all(
    ["README.md", "src/call/element.ts", "src/call/view.ts", "src/call/call.css"].map((file) => readFile(file, "utf8")));
  const all = (text: string, pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map((match) => match[1]!))].sort();
  /** The names in the first column of the table with this head. */
  const table = (head: string) => {
    const rows = readme!.split(`| ${head} |`)[1]!.split("\n\n")[0]!.split("\n").slice(2);
    return rows.flatMap((row) => all(row.split("|")[1]!, /`([^`]+)`/g)).sort();
  };
  const observed = all(/observedAttributes = \[(.*?)\]/.exec(element!)![1]!, /"([a-z-]+)"/g);
  const read = all(element!, /this\.(?:get|has|toggle)Attribute\("([a-z-]+)"/g);
  const sent = all(/for \(const \[attribute, field\] of (\[\[.*?\]\])/.exec(element!)![1]!, /\["([a-z-]+)"/g);
  assert.deepEqual(table("attribute"), [...new Set([...observed, ...read, ...sent])].sort());
  assert.deepEqual(table("event"), all(/interface SidetoneCallEventMap \{(.*?)\n\}/s.exec(element!)![1]!, /"(sidetone-[a-z]+)"/g));
  assert.deepEqual(table("CSS variable"), all(css!, /var\((--sidetone-[a-z0-9-]+)/g));
  assert.deepEqual(all(/The `::part`s are (.*?)\./.exec(readme!)![1]!, /`([^`]+)`/g), all(view!, /part: "([a-z-]+)"/g));
});
