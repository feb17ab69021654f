/** The topics that somebody has joined, and who is on them. */

import type { Broadcast } from "./broadcast.ts";
import { type PresenceDiff, PresenceRoom, type Presences } from "./presence.ts";

/** A channel, as its topic sees it. */
export interface Member {
  broadcast(message: Broadcast): void;
  /** `diff` is JSON. */
  presenceDiff(diff: string): void;
}

/** A private topic and a public one of the same name have nothing to do with each other. */
export class Topic {
  readonly members = new Set<Member>();
  readonly #presence = new PresenceRoom<Member>();

  send(message: Broadcast, except?: Member): void {
    for (const member of this.members) {
      if (member !== except) member.broadcast(message);
    }
  }

  presences(): Presences {
    return this.#presence.state();
  }

  track(member: Member, key: string, payload: Record<string, unknown>): void {
    this.#tell(this.#presence.track(member, key, payload));
  }

  untrack(member: Member): void {
    this.#tell(this.#presence.untrack(member));
  }

  #tell(diff: PresenceDiff | null): void {
    if (!diff) return;
    const json = JSON.stringify(diff);
    for (const member of this.members) member.presenceDiff(json);
  }
}

export class Topics {
  readonly #topics = new Map<string, Topic>();

  join(name: string, isPrivate: boolean, member: Member): Topic {
    const key = topicKey(name, isPrivate);
    const topic = this.#topics.get(key) ?? new Topic();
    this.#topics.set(key, topic);
    topic.members.add(member);
    return topic;
  }

  leave(name: string, isPrivate: boolean, member: Member): void {
    const key = topicKey(name, isPrivate);
    const topic = this.#topics.get(key);
    if (!topic?.members.delete(member)) return;
    topic.untrack(member);
    if (topic.members.size === 0) this.#topics.delete(key);
  }

  /** The topic, where anybody is on it. */
  find(name: string, isPrivate: boolean): Topic | undefined {
    return this.#topics.get(topicKey(name, isPrivate));
  }
}

function topicKey(name: string, isPrivate: boolean): string {
  return `${isPrivate ? "private" : "public"} ${name}`;
}
