/**
 * Passes JSON arguments to functions unchanged.
 *
 * Why: lite writes `name := $1::jsonb` and binds JSON text; postgres.js, which asks the server for the parameter's
 * type, takes the text for a value and quotes it once more, so the function gets a JSON string. lite binds strings
 * unchanged, so they cannot be told from other values as JSON text. The request's body decides, as in PostgREST:
 * there a string stays a string, whatever it contains. In a query every argument is text, and parsed as JSON.
 * Goes when: lite binds the value, or casts the text, and quotes strings.
 */

import {
  type KyselyPlugin,
  OperationNodeTransformer,
  type QueryId,
  RawNode,
  type RootOperationNode,
  ValueNode,
} from "kysely";
import { currentRequest } from "../request_context.ts";
import type { ConnectionInternals } from "./lite_internals.ts";

export function passJsonArguments(connection: ConnectionInternals): void {
  const withContext = connection.withContext.bind(connection);
  connection.withContext = (vars, work, options) =>
    withContext(
      vars,
      (database) => work(isRpc(options) ? database.withPlugin(new JsonArguments()) : database),
      options,
    );
}

function isRpc(options: unknown): boolean {
  return typeof options === "object" && options !== null && "rpc" in options && Boolean(options.rpc);
}

class JsonArguments implements KyselyPlugin {
  readonly #transformer = new CastTransformer();

  transformQuery({ node, queryId }: { node: RootOperationNode; queryId: QueryId }): RootOperationNode {
    return this.#transformer.transformNode(node, queryId);
  }

  transformResult<T>({ result }: { result: T }): Promise<T> {
    return Promise.resolve(result);
  }
}

class CastTransformer extends OperationNodeTransformer {
  #arguments: Record<string, unknown> | undefined;

  protected override transformRaw(node: RawNode, queryId?: QueryId): RawNode {
    const [, assignment, cast] = node.sqlFragments;
    const [name, given, type] = node.parameters;
    if (
      assignment === " := " && cast === "::" && RawNode.is(type) && /^jsonb?$/.test(type.sqlFragments[0]) &&
      RawNode.is(name)
    ) {
      const fragments = [...node.sqlFragments];
      fragments[2] = "::text::";
      const parameters = [...node.parameters];
      if (ValueNode.is(given) && this.#isString(name.sqlFragments[0])) {
        parameters[1] = ValueNode.create(JSON.stringify(given.value));
      }
      node = { ...node, sqlFragments: fragments, parameters };
    }
    return super.transformRaw(node, queryId);
  }

  #isString(name: string): boolean {
    this.#arguments ??= argumentsOf(currentRequest()?.body ?? null);
    return typeof this.#arguments[name] === "string";
  }
}

/** The arguments by name in a JSON body; none if the body is not JSON. */
function argumentsOf(body: ArrayBuffer | null): Record<string, unknown> {
  if (body === null) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return {}; // A form, or text.
  }
}
