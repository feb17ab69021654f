/**
 * The filters of Postgres Changes: `column=op.value`, several with commas between them, all of which must hold.
 *
 * A value may be put in double quotes, `not.` before an operator negates it, and `in` takes a list in parentheses.
 */

export const OPERATORS = {
  eq: "=",
  neq: "<>",
  lt: "<",
  lte: "<=",
  gt: ">",
  gte: ">=",
  in: "= any",
  like: "like",
  ilike: "ilike",
  is: "is",
  match: "~",
  imatch: "~*",
  isdistinct: "is distinct from",
} as const;

export type Operator = keyof typeof OPERATORS;

export interface Filter {
  column: string;
  operator: Operator;
  /** For `in`: a PostgreSQL array, `{a,b}`. */
  value: string;
  negated: boolean;
}

/** A filter is malformed. The message is the platform's. */
export class FilterError extends Error {
  override name = "FilterError";
}

export function parseFilters(text: string): Filter[] {
  return text.trim() === "" ? [] : split(text.trim()).map(parseFilter);
}

/** Splits at commas that are neither in quotes nor in parentheses. */
function split(text: string): string[] {
  const parts = [""];
  let depth = 0;
  let quoted = false;
  let previous = "";
  for (let i = 0; i < text.length; i++) {
    let character = text[i];
    if (quoted) {
      if (character === "\\" && i + 1 < text.length) character += text[++i];
      else if (character === '"') quoted = false;
    } else if (character === '"' && ".(,".includes(previous) && previous !== "") {
      quoted = true;
    } else if (character === "(") {
      depth++;
    } else if (character === ")") {
      depth = Math.max(0, depth - 1);
    } else if (character === "," && depth === 0) {
      parts.push("");
      previous = "";
      continue;
    }
    parts[parts.length - 1] += character;
    previous = character;
  }
  return parts;
}

function parseFilter(part: string): Filter {
  const text = part.trim();
  if (text === "") throw new FilterError("filter must not contain empty segments (check for extra commas)");
  const [column, rest] = cut(text, "=");
  if (rest === null) throw new FilterError(JSON.stringify([column]));
  const negated = rest.startsWith("not.");
  const [operator, value] = cut(negated ? rest.slice(4) : rest, ".");
  if (value === null) throw new FilterError(JSON.stringify([operator]));
  if (!Object.hasOwn(OPERATORS, operator)) {
    throw new FilterError(JSON.stringify([operator, value]).replace(",", ", "));
  }
  if (operator !== "in") return { column, operator: operator as Operator, value: unquote(value), negated };
  if (!value.startsWith("(") || !value.endsWith(")") || value.length < 2) {
    throw new FilterError("`in` filter value must be wrapped by parentheses");
  }
  return { column, operator, value: `{${value.slice(1, -1)}}`, negated };
}

function cut(text: string, separator: string): [string, string | null] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

/** The content of a value in double quotes; any other value as it is. */
function unquote(value: string): string {
  const quoted = value.match(/^"((?:[^"\\]|\\.)*)"$/su);
  return quoted ? quoted[1].replace(/\\(.)/gsu, "$1") : value;
}

const INTEGERS = new Set(["int2", "int4", "int8"]);
const EXACT = new Set(["uuid", "text", "varchar", "bool", ...INTEGERS]);

/**
 * Whether a value passes a filter; undefined if only the database can decide, with `toSql`.
 *
 * @param type The name of the column's type in `pg_type`.
 * @param value The value as PostgreSQL writes it, or null.
 */
export function passes(
  { operator, value: operand, negated }: Filter,
  type: string,
  value: string | null,
): boolean | undefined {
  if (operator === "is") return isKeyword(operand, value) !== negated;
  if (operator === "isdistinct" && value === null) return !negated;
  if (value === null) return false;
  if (!EXACT.has(type)) return undefined;
  const sameAs = (other: string) => canonical(type, other) === canonical(type, value);
  switch (operator) {
    case "eq":
      return sameAs(operand) !== negated;
    case "neq":
    case "isdistinct":
      return sameAs(operand) === negated;
    case "in": {
      const list = simpleList(operand);
      return list === null ? undefined : list.some(sameAs) !== negated;
    }
    case "lt":
    case "lte":
    case "gt":
    case "gte": {
      if (!INTEGERS.has(type)) return undefined;
      const [left, right] = [BigInt(value), BigInt(operand)];
      const holds = operator === "lt"
        ? left < right
        : operator === "lte"
        ? left <= right
        : operator === "gt"
        ? left > right
        : left >= right;
      return holds !== negated;
    }
    default:
      return undefined;
  }
}

function isKeyword(keyword: string, value: string | null): boolean {
  if (keyword === "null" || keyword === "unknown") return value === null;
  return value === (keyword === "true" ? "t" : "f");
}

/** A canonical form: equal strings for values that are equal in PostgreSQL. */
function canonical(type: string, value: string): string {
  if (type === "uuid") return value.replace(/[{}-]/g, "").toLowerCase();
  if (type === "bool") return /^\s*(t|y|on|1)/i.test(value) ? "t" : "f";
  return INTEGERS.has(type) ? String(BigInt(value.trim())) : value;
}

/** The elements of an array without quotes, nulls and nesting; null for other arrays. */
function simpleList(array: string): string[] | null {
  const inside = array.slice(1, -1);
  if (/["{}\\]|\bnull\b/i.test(inside)) return null;
  return inside.trim() === "" ? [] : inside.split(",").map((element) => element.trim());
}

/** The filter as an expression over `left` and `right`, which are SQL of the column's type or, for `in`, its array. */
export function toSql({ operator, negated }: Filter, left: string, right: string): string {
  if (operator === "in") return `${negated ? "not " : ""}(${left} = any (${right}))`;
  return `${negated ? "not " : ""}(${left} ${OPERATORS[operator]} ${right})`;
}
