/**
 * Passes JSON to functions as what it is.
 *
 * Why: lite writes `name := $1::jsonb` and binds JSON text; postgres.js, which asks the server for the parameter's type,
 * takes the text for a value and quotes it once more, so the function gets a JSON string. Strings lite binds as they are;
 * one that reads as JSON by itself cannot be told from the rest, and is taken for what it reads as.
 * Goes when: lite binds the value, or casts the text.
 */

import {
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  type QueryId,
  RawNode,
  type RootOperationNode,
  ValueNode,
} from "kysely";
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
  protected override transformRaw(node: RawNode, queryId?: QueryId): RawNode {
    const [, assignment, cast] = node.sqlFragments;
    const type = node.parameters[2];
    if (
      assignment === " := " && cast === "::" && RawNode.is(type) && /^jsonb?$/.test(type.sqlFragments[0]) &&
      isJsonText(node.parameters[1])
    ) {
      const fragments = [...node.sqlFragments];
      fragments[2] = "::text::";
      node = { ...node, sqlFragments: fragments };
    }
    return super.transformRaw(node, queryId);
  }
}

function isJsonText(node: OperationNode): boolean {
  if (!ValueNode.is(node) || typeof node.value !== "string") return true;
  try {
    JSON.parse(node.value);
    return true;
  } catch {
    return false;
  }
}
