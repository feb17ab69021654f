import { deepStrictEqual as equal } from "node:assert";
import { Client } from "../platform/mod.ts";
import { typefacesOf, unsetProblem } from "./typefaces.ts";

Deno.test("a typeface comes from the folder where there is one, and else from the project's bucket", async () => {
  const asked: string[] = [];
  const service = Client.service({ url: "https://project.example", secretKey: "sb_secret_for_tests" }, {
    fetch: (input) => {
      asked.push(new URL(String(input)).pathname);
      return Promise.resolve(
        asked.length === 1
          ? new Response("a typeface")
          : Response.json({ statusCode: "404" }, { status: 400 }),
      );
    },
  });
  const typefaces = typefacesOf(service);
  equal((await typefaces("noto-serif-kr.ttf.br"))!.length > 1_000_000, true);
  equal(asked, []);
  equal(new TextDecoder().decode((await typefaces("other.ttf.br"))!), "a typeface");
  equal(await typefaces("other.ttf.br"), null);
  equal(new Set(asked), new Set(["/storage/v1/object/typefaces/other.ttf.br"]));
});

Deno.test("the log says what is to be done", () => {
  equal(unsetProblem({ typeface: null, characters: "x" }), "No typeface has x.");
  equal(
    unsetProblem({ typeface: "Noto Serif SC", characters: "三" }),
    'Noto Serif SC is missing for 三: run "monogram typefaces push".',
  );
});
