import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import { inspect, PictureError, shownSize } from "../pictures.ts";
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
  return new PlateMaker(blank(), "#ffffff").make({ bytes });
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

Deno.test("the kind, size and orientation of a picture are read from its first bytes", () => {
  equal(inspect(read("tall.jpg")), {
    type: "image/jpeg",
    width: 900,
    height: 1100,
    orientation: 1,
    plain: true,
  });
  equal(inspect(read("opaque.png")), {
    type: "image/png",
    width: 480,
    height: 360,
    orientation: 1,
    plain: true,
  });
  equal(inspect(read("shelf.png")), {
    type: "image/png",
    width: 480,
    height: 360,
    orientation: 1,
    plain: false,
  });
  equal(inspect(read("dusk.webp")), {
    type: "image/webp",
    width: 600,
    height: 400,
    orientation: 1,
    plain: false,
  });
  equal(inspect(read("ball.gif")), {
    type: "image/gif",
    width: 160,
    height: 120,
    orientation: 1,
    plain: false,
  });
  const sideways = inspect(read("sideways.jpg"));
  equal([sideways.orientation, shownSize(sideways)], [6, { width: 900, height: 600 }]);
});

Deno.test("what is no picture is refused", () => {
  for (
    const bytes of [
      new Uint8Array(),
      Buffer.from("<svg onload=x>"),
      Buffer.from("GIF89a"),
      Buffer.from([0xff, 0xd8, 0xff]),
    ]
  ) {
    let refusal: unknown = null;
    try {
      inspect(bytes);
    } catch (error) {
      refusal = error;
    }
    ok(refusal instanceof PictureError, String(bytes));
  }
});

Deno.test("every kind of picture becomes a plate", async () => {
  const sizes: Record<string, [number, number]> = {
    "tall.jpg": [900, 1100],
    "sideways.jpg": [900, 600],
    "opaque.png": [480, 360],
    "shelf.png": [480, 360],
    "dusk.webp": [600, 400],
    "ball.gif": [160, 120],
  };
  for (const [name, size] of Object.entries(sizes)) {
    const { width, height } = await make(read(name));
    equal([width, height], size, name);
  }
});

Deno.test("a picture cut off anywhere is refused or drawn, and never stops the letter", async () => {
  for (const name of ["tall.jpg", "opaque.png", "shelf.png", "dusk.webp", "ball.gif"]) {
    const bytes = read(name);
    for (let part = 0; part < 1; part += 0.07) {
      const document = blank();
      try {
        const plate = await new PlateMaker(document, "#ffffff").make({
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
  for (const name of ["tall.jpg", "opaque.png", "shelf.png", "dusk.webp", "ball.gif"]) {
    const original = read(name);
    for (let at = 0; at < 400; at += 9) {
      const bytes = original.slice();
      bytes[at] ^= 0xff;
      const document = blank();
      try {
        const plate = await new PlateMaker(document, "#ffffff").make({ bytes });
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
  const { image } = await new PlateMaker(document, "#ffffff").make({ bytes });
  document.image(image, 0, 0, { width: 10 });
  ok(!Buffer.from(await finish(document)).includes("a secret place"));
});

Deno.test("a PNG that unpacks to far more than its pixels is refused", async () => {
  const bomb = png(100, 100, 6, 8, new Uint8Array(50_000_000));
  ok(bomb.length < 100_000);
  await rejects(make(bomb), PictureError);
});

Deno.test("a picture of absurd size is refused before it is decoded", async () => {
  await rejects(make(png(60_000, 60_000, 6, 8, new Uint8Array(100))), /more than 50 million pixels/);
  await rejects(make(png(60_000, 60_000, 2, 8, new Uint8Array(100))), /more than 50 million pixels/);
});

Deno.test("decoding has a budget for the whole letter; plain pictures cost nothing", async () => {
  const maker = new PlateMaker(blank(), "#ffffff");
  const row = new Uint8Array(1 + 1000 * 4);
  const rows = Buffer.concat(Array.from({ length: 1000 }, () => row));
  for (let count = 0; count < 4; count++) await maker.make({ bytes: png(1000, 1000, 6, 8, rows) });
  await rejects(maker.make({ bytes: png(1000, 1000, 6, 8, rows) }), /too many pictures/);
  equal((await maker.make({ bytes: read("tall.jpg") })).width, 900);
});

Deno.test("the same bytes are embedded once", async () => {
  const maker = new PlateMaker(blank(), "#ffffff");
  const bytes = read("ada.jpg");
  ok((await maker.make({ bytes })) === (await maker.make({ bytes })));
});

Deno.test("a picture without bytes is refused", async () => {
  await rejects(
    new PlateMaker(blank(), "#ffffff").make({ url: "https://a.example/b.jpg" }),
    /needs the bytes/,
  );
});
