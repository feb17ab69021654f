/**
 * The notice of everything in the functions that others have made: packages, typefaces, drawings and codecs, with their
 * licences. What is deployed as a package and what modules are made from are both in a lock file, and nothing else is.
 */

const LOCKS = ["../../../deno.lock", "deno.lock"].map((path) => new URL(path, import.meta.url));

/** Licences of what is inside a package that says nothing of it, beside the modules that are made from it. */
const INSIDE: Record<string, string> = {
  "HarfBuzz, in harfbuzzjs": "../pdf/LICENSE.harfbuzz.txt",
  "libjpeg-turbo, MozJPEG and libwebp, in @cwasm/jpeg-turbo, @jsquash/jpeg and @jsquash/webp":
    "../../pictures/LICENSES.txt",
};

/** What only makes modules, and is in none of them: wawoff2, and what it needs by itself. */
const TOOLS = /^(wawoff2|argparse)\b/;

const TWEMOJI =
  `The emoji are drawings of Twemoji: Copyright 2019 Twitter, Inc and other contributors, licensed under CC-BY 4.0
(https://creativecommons.org/licenses/by/4.0/). They were converted from SVG to operators of PDF.
`;

const MIT =
  `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

/** @param folder Where Deno has unpacked npm packages. */
export async function notice(folder: string): Promise<string> {
  const keys = new Set<string>();
  for (const lock of LOCKS) {
    for (const key of Object.keys(JSON.parse(await Deno.readTextFile(lock)).npm)) {
      // What only type checkers read is not deployed. The rest of a key is what a package was resolved with.
      if (!key.startsWith("@types/") && !TOOLS.test(key)) keys.add(key.replace(/(?<=.)@([^@_]+).*$/, "@$1"));
    }
  }
  const names = new Map<string, string[]>();
  const say = (text: string, name: string) => names.set(text, [...names.get(text) ?? [], name]);
  for (const key of [...keys].sort()) {
    const at = key.lastIndexOf("@");
    const text = await licence(`${folder}/${key.slice(0, at)}/${key.slice(at + 1)}`);
    // Typefaces differ in the first line only.
    const [, owner, terms] = /^(Copyright .*)\n\n(This Font Software is licensed[^]*)$/.exec(text) ?? [];
    if (owner === undefined) say(text, key);
    else say(terms, `${key}\n  ${owner}`);
  }
  for (const [name, path] of Object.entries(INSIDE)) {
    say(await Deno.readTextFile(new URL(path, import.meta.url)), name);
  }
  const line = "-".repeat(80);
  const parts = [...names].map(([text, list]) => `${line}\n${list.join("\n")}\n${line}\n\n${text.trim()}\n`);
  return `Monogram's edge functions hold, whole or in part, what others have made. Made by generate.ts: do not change it by hand.

${TWEMOJI}
${parts.join("\n")}`;
}

/** Return what a package says of its licence, in full. */
async function licence(folder: string): Promise<string> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && /^(licen[cs]e|copying|ofl)/i.test(name)) names.push(name);
  }
  if (names.length > 0) {
    const texts = names.sort().map((name) => Deno.readTextFile(`${folder}/${name}`));
    return (await Promise.all(texts)).join("\n").replaceAll("\r\n", "\n");
  }
  const about = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  const said = typeof about.license === "string" ? about.license : about.licenses?.[0]?.type;
  const author = (typeof about.author === "string" ? about.author : about.author?.name) ??
    `the authors of ${typeof about.repository === "string" ? about.repository : about.name}`;
  if (said !== "MIT") throw new Error(`${folder} does not say what its licence is.`);
  return `The MIT License (MIT)\n\nCopyright (c) ${author.replace(/\s*[<(].*/, "")}\n\n${MIT}`;
}
