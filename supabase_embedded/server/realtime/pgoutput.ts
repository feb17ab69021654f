/**
 * Decodes the messages of PostgreSQL's output plugin `pgoutput`, protocol version 1, values as text.
 *
 * postgres.js decodes them too, in `subscribe`, but it does not report the commit time, converts values to JavaScript
 * types, and ends the process if the database is unreachable when it reconnects.
 */

export interface Column {
  name: string;
  /** Whether it is part of the replica identity. */
  key: boolean;
  typeId: number;
}

export interface Relation {
  id: number;
  schema: string;
  table: string;
  /** `d` primary key, `i` an index, `f` the whole row, `n` nothing. */
  replicaIdentity: string;
  columns: Column[];
}

/** Values in the order of the relation's columns; undefined for an unchanged large value, which the log omits. */
export type Tuple = (string | null | undefined)[];

export type Operation = "INSERT" | "UPDATE" | "DELETE";

export interface Change {
  operation: Operation;
  relation: Relation;
  /** The row after the change; null for a deleted one. */
  row: Tuple | null;
  /** What the log has of the row before the change. */
  old: { tuple: Tuple; keyOnly: boolean } | null;
  committedAt: Date;
  /** The lower 32 bits of the transaction number. */
  transaction: number;
}

/** 2000-01-01, where PostgreSQL's clock begins, in milliseconds since 1970. */
const EPOCH = Date.UTC(2000, 0, 1);
const decoder = new TextDecoder();

export class Decoder {
  readonly #relations = new Map<number, Relation>();
  #committedAt = new Date(0);
  #transaction = 0;

  /** Decodes a message. Returns the change that it describes, or null. */
  decode(message: Uint8Array): Change | null {
    const reader = new Reader(message);
    switch (reader.character()) {
      case "B":
        reader.skip(8);
        this.#committedAt = new Date(EPOCH + Number(reader.int64() / 1000n));
        this.#transaction = reader.int32();
        return null;
      case "R":
        this.#relation(reader);
        return null;
      case "I": {
        const relation = this.#find(reader.int32());
        reader.skip(1);
        return this.#change("INSERT", relation, reader.tuple(), null);
      }
      case "U": {
        const relation = this.#find(reader.int32());
        const kind = reader.character();
        if (kind === "N") return this.#change("UPDATE", relation, reader.tuple(), null);
        const old = { tuple: reader.tuple(), keyOnly: kind === "K" };
        reader.skip(1);
        return this.#change("UPDATE", relation, reader.tuple(), old);
      }
      case "D": {
        const relation = this.#find(reader.int32());
        const keyOnly = reader.character() === "K";
        return this.#change("DELETE", relation, null, { tuple: reader.tuple(), keyOnly });
      }
      default: // Commit, origin, type and truncate are not reported to clients.
        return null;
    }
  }

  #relation(reader: Reader): void {
    const relation: Relation = {
      id: reader.int32(),
      schema: reader.text() || "pg_catalog",
      table: reader.text(),
      replicaIdentity: reader.character(),
      columns: [],
    };
    for (let count = reader.int16(); count > 0; count--) {
      const key = reader.int8() === 1;
      const name = reader.text();
      const typeId = reader.int32();
      reader.skip(4);
      relation.columns.push({ name, key, typeId });
    }
    this.#relations.set(relation.id, relation);
  }

  #find(id: number): Relation {
    const relation = this.#relations.get(id);
    if (!relation) throw new Error("The write-ahead log uses a table before describing it.");
    return relation;
  }

  #change(operation: Operation, relation: Relation, row: Tuple | null, old: Change["old"]): Change {
    return { operation, relation, row, old, committedAt: this.#committedAt, transaction: this.#transaction };
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  skip(count: number): void {
    this.#at += count;
  }

  int8(): number {
    return this.#bytes[this.#at++];
  }

  character(): string {
    return String.fromCharCode(this.int8());
  }

  int16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#view.getBigInt64(this.#at - 8);
  }

  /** A string that ends with a zero byte. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = decoder.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  tuple(): Tuple {
    return Array.from({ length: this.int16() }, () => {
      switch (this.character()) {
        case "n":
          return null;
        case "u":
          return undefined;
        default: {
          const size = this.int32();
          this.#at += size;
          return decoder.decode(this.#bytes.subarray(this.#at - size, this.#at));
        }
      }
    });
  }
}
