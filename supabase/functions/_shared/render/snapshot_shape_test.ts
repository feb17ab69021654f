import { deepStrictEqual as equal } from "node:assert";
import { problemsOf } from "./snapshot_shape.ts";
import { newsletterRow, responseRow } from "./testing.ts";

Deno.test("a snapshot has every key of its type and no other, with values of the right types", () => {
  const { content } = newsletterRow([[
    responseRow({ image_caption: null, music: { url: "https://a.test" } }),
  ]]);
  const whole = { ...content, space: { ...content.space, language: "en" } };
  equal(problemsOf(whole), []);
  const { week_number: _, ...less } = whole;
  equal(problemsOf(less), ["content.week_number is missing"]);
  equal(problemsOf({ ...whole, mood: "fine" }), ["content.mood is unknown"]);
  equal(problemsOf({ ...whole, prompts: {} }), ["content.prompts is not a list"]);
  equal(problemsOf({ ...whole, week_number: "7" }), ["content.week_number is not a number"]);
  const [prompt] = whole.prompts;
  const [response] = prompt.responses;
  const changed = { ...whole, prompts: [{ ...prompt, responses: [{ ...response, author: null }] }] };
  equal(problemsOf(changed), ["content.prompts[0].responses[0].author is not an object"]);
  equal(problemsOf(null), ["content is not an object"]);
});
