import { deepStrictEqual as equal, ok, throws } from "node:assert";
import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import { PictureError } from "../../pictures/problem.ts";
import { createDocument, type Document, finish } from "./document.ts";
import { PlateMaker } from "./pictures.ts";

const FOLDER = new URL("../../../../../tests/functions/render/fixtures/pictures/", import.meta.url);
const read = (name: string) => Deno.readFileSync(new URL(name, FOLDER));

function blank(): Document {
  const document = createDocument({
    title: "x",
    author: "x",
    subject: "x",
    lang: "en",
    size: "A4",
    createdAt: null,
  });
  document.addPage();
  return document;
}

function make(bytes: Uint8Array) {
  return new PlateMaker(blank()).make({ bytes });
}

/** A PNG of one row after another, made by hand. */
function png(
  width: number,
  height: number,
  colourType: number,
  depth: number,
  rows: Uint8Array,
  more: Buffer[] = [],
) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = depth;
  header[9] = colourType;
  const chunk = (type: string, data: Uint8Array) => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(data.length);
    return Buffer.concat([size, Buffer.from(type), data, Buffer.alloc(4)]);
  };
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    ...more,
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array()),
  ]);
}

Deno.test("what a PDF holds becomes a plate, and nothing else", () => {
  const sizes: Record<string, [number, number]> = {
    "tall.jpg": [900, 1100],
    "sideways.jpg": [900, 600],
    "opaque.png": [480, 360],
  };
  for (const [name, size] of Object.entries(sizes)) {
    const { width, height } = make(read(name));
    equal([width, height], size, name);
  }
  for (const name of ["shelf.png", "dusk.webp", "ball.gif"]) throws(() => make(read(name)), PictureError);
});

Deno.test("a picture cut off anywhere is refused or drawn, and never stops the newsletter", async () => {
  for (const name of ["tall.jpg", "opaque.png"]) {
    const bytes = read(name);
    for (let part = 0; part < 1; part += 0.07) {
      const document = blank();
      try {
        const plate = new PlateMaker(document).make({
          bytes: bytes.slice(0, bytes.length * part),
        });
        document.image(plate.image, 0, 0, { width: 10 });
      } catch (error) {
        ok(error instanceof PictureError, `${name} ${part}: ${error}`);
      }
      ok((await finish(document)).length > 0);
    }
  }
});

Deno.test("bytes that are wrong anywhere are refused or drawn as well", async () => {
  for (const name of ["tall.jpg", "opaque.png"]) {
    const original = read(name);
    for (let at = 0; at < 400; at += 9) {
      const bytes = original.slice();
      bytes[at] ^= 0xff;
      const document = blank();
      try {
        const plate = new PlateMaker(document).make({ bytes });
        document.image(plate.image, 0, 0, { width: 10 });
      } catch (error) {
        ok(error instanceof PictureError, `${name} ${at}: ${error}`);
      }
      ok((await finish(document)).length > 0);
    }
  }
});

Deno.test("where and with what a JPEG was taken is not in the PDF", async () => {
  const bytes = read("sideways.jpg");
  ok(Buffer.from(bytes).includes("a secret place"));
  const document = blank();
  const { image } = new PlateMaker(document).make({ bytes });
  document.image(image, 0, 0, { width: 10 });
  ok(!Buffer.from(await finish(document)).includes("a secret place"));
});

Deno.test("a picture of absurd size is refused", () => {
  throws(() => make(png(60_000, 60_000, 2, 8, new Uint8Array(100))), /more than 50 million pixels/);
});

Deno.test("the same bytes are embedded once", () => {
  const maker = new PlateMaker(blank());
  const bytes = read("ada.jpg");
  ok(maker.make({ bytes }) === maker.make({ bytes }));
});

Deno.test("a picture without bytes is refused", () => {
  throws(() => new PlateMaker(blank()).make({ url: "https://a.example/b.jpg" }), /needs the bytes/);
});
