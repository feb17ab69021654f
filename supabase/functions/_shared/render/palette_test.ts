import { deepStrictEqual as equal, ok } from "node:assert";
import { colours, contrast, isConstant, isDark, type Palette, PRINT } from "./palette.ts";

const MIDNIGHT = { paper: "#12131a", ink: "#f2efe6", accent: "#e8b64c" };
const RISO = { paper: "#fbf6ea", ink: "#1f3a5f", accent: "#e4572e" };

function readable({ paper, card, ink, muted, accent, link }: Palette): void {
  for (const text of [ink, muted, link]) {
    for (const ground of [paper, card]) ok(contrast(text, ground) >= 4.5, `${text} on ${ground}`);
  }
  ok(contrast(accent, paper) >= 3, `${accent} on ${paper}`);
}

Deno.test("contrast is that of WCAG", () => {
  equal(contrast("#000000", "#ffffff"), 21);
  equal(contrast("#777777", "#777777"), 1);
  equal(contrast("#777777", "#ffffff").toFixed(2), "4.48");
});

Deno.test("Monogram's own colours can be read, by day and by night and in print", () => {
  const { light, dark, themed, problem } = colours(null);
  equal([themed, problem], [false, null]);
  for (const palette of [light, dark, PRINT]) readable(palette);
  equal([isDark(light), isDark(dark)], [false, true]);
});

Deno.test("a theme is used for both, and what is too faint in it is brought nearer to its ink", () => {
  for (const theme of [MIDNIGHT, RISO]) {
    const { light, dark, themed } = colours(theme);
    equal([themed, light.paper, light.ink], [true, theme.paper, theme.ink]);
    equal(light, dark);
    readable(light);
  }
  ok(contrast(RISO.accent, RISO.paper) < 4.5);
  equal(colours(RISO).light.accent, RISO.accent);
  ok(colours(RISO).light.link !== RISO.accent);
});

Deno.test("a theme may have colours for the night, and none at all", () => {
  const { light, dark } = colours({ ...RISO, dark: MIDNIGHT });
  equal([light.paper, dark.paper], [RISO.paper, MIDNIGHT.paper]);
  readable(dark);
  equal([isConstant(colours(RISO)), isConstant(colours({ ...RISO, dark: MIDNIGHT }))], [true, false]);
  // What cannot be read by night is as by day.
  equal(colours({ ...RISO, dark: { ...MIDNIGHT, ink: "#000000" } }).dark, colours(RISO).light);
  equal(colours({ ornament: "wave" }), colours(null));
});

Deno.test("any theme can be read, or is not used", () => {
  for (let step = 0; step < 4096; step += 7) {
    const hex = (value: number) => "#" + (value % 4096).toString(16).padStart(3, "0").replace(/./g, "$&$&");
    const theme = { paper: hex(step), ink: hex(step * 31 + 5), accent: hex(step * 17 + 11) };
    readable(colours(theme).light);
  }
});

Deno.test("a theme that cannot be read is refused with the reason", () => {
  equal(colours({ paper: "#777777", ink: "#888888", accent: "#000000" }).problem, "low_contrast");
  for (
    const bad of [[], 7, { paper: RISO.paper }, { dark: RISO }, "x", { ...RISO, ink: "red" }, {
      ...RISO,
      paper: "#fff;}body{",
    }, {
      ...RISO,
      accent: 3,
    }]
  ) {
    const { problem, themed, light } = colours(bad);
    equal([problem, themed, light], ["not_colours", false, colours(null).light]);
  }
});
