/** What a request asks for, by its path and its query. */

import { isId, isOpen, type Sheet } from "../_shared/newsletters/mod.ts";
import type { Client } from "../_shared/platform/mod.ts";

/** The form of a reading link's token. */
export const TOKEN = /^[\w-]{32}$/;

export interface Target {
  id: string;
  what:
    | { kind: "page" | "file" | "card" | "preview" | "copy" }
    | { kind: "pdf"; sheet: Sheet }
    | { kind: "picture"; name: string }
    | { kind: "keepsake"; response: string };
}

/** What the path asks for, or null where it asks for nothing that can exist. */
export function targetOf({ pathname, searchParams }: URL): Target | null {
  const [, given, what] = pathname.match(
    /^\/(?:newsletter\/)?([0-9a-f-]{36})(\.pdf|\.html|\/preview|\/copy|\/card\.png|\/pictures\/[\w.-]+)?\/?$/i,
  ) ?? [];
  if (given === undefined) return null;
  const id = given.toLowerCase();
  if (what === undefined) return { id, what: { kind: "page" } };
  // All but the name of a picture, which storage takes as it is.
  const rest = /^\/pictures\//i.test(what) ? what : what.toLowerCase();
  if (rest === "/card.png") return { id, what: { kind: "card" } };
  if (rest === "/preview") return { id, what: { kind: "preview" } };
  if (rest === "/copy") return { id, what: { kind: "copy" } };
  if (rest === ".html") return { id, what: { kind: "file" } };
  if (rest !== ".pdf") return { id, what: { kind: "picture", name: rest.slice("/pictures/".length) } };
  const sheet = sheetOf(searchParams);
  return sheet === null ? null : { id, what: { kind: "pdf", sheet } };
}

/** The published newsletter that has the response whose keepsake the path asks for. */
export async function keepsakeOf({ pathname }: URL, service: Client): Promise<Target | null> {
  const response = pathname.match(/^\/(?:newsletter\/)?keepsakes\/([0-9a-f-]{36})\.pdf$/i)?.[1].toLowerCase();
  if (response === undefined || !isId(response)) return null;
  const id = await service.rpc<string | null>("newsletter_with_response", { response_id: response });
  return id === null ? null : { id, what: { kind: "keepsake", response } };
}

const SIZES: ReadonlyMap<string, Sheet["size"]> = new Map([["a4", "A4"], ["letter", "LETTER"]]);
const PAPERS: ReadonlyMap<string, Sheet["paper"]> = new Map([["print", "print"], ["screen", "screen"]]);

/** The paper that is asked for; null for a name that is not known. */
export function sheetOf(params: URLSearchParams): Sheet | null {
  const size = SIZES.get(params.get("size")?.toLowerCase() ?? "a4");
  const paper = PAPERS.get(params.get("paper")?.toLowerCase() ?? "print");
  return size === undefined || paper === undefined ? null : { size, paper };
}

/**
 * Return true for what is there for everybody, whoever may read its newsletter. A picture of a person and a cover are
 * for everybody wherever they are set, and an email that is out shows them whatever becomes of newsletter, space and
 * people: the copies are for whoever has the address.
 */
export function isForAll({ what }: Target): boolean {
  return what.kind === "picture" && isOpen(what.name);
}

/** The token of a request that opens what is asked for, if there is one. */
export async function openingLink(
  { id, what }: Target,
  params: URLSearchParams,
  service: Client,
): Promise<string | undefined> {
  const token = params.get("link");
  if (token === null || !TOKEN.test(token) || !isId(id) || what.kind === "preview") return undefined;
  const opens = await service.rpc<boolean>("opens_newsletter", { newsletter_id: id, token });
  return opens ? token : undefined;
}
