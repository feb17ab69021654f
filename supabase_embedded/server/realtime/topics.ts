/** The topics that clients have joined, and their members. */

import type { Broadcast } from "./broadcast.ts";
import { type PresenceDiff, PresenceRoom, type Presences } from "./presence.ts";

/** In frames every topic begins with this. */
export const PREFIX = "realtime:";

/** A channel, as far as its topic needs it. */
export interface Member {
  broadcast(message: Broadcast): void;
  /** `diff` is JSON. */
  presenceDiff(diff: string): void;
}

/** A private topic and a public one of the same name are independent. */
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
    this.#announce(this.#presence.track(member, key, payload));
  }

  untrack(member: Member): void {
    this.#announce(this.#presence.untrack(member));
  }

  #announce(diff: PresenceDiff | null): void {
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

  /** The topic, if it has members. */
  find(name: string, isPrivate: boolean): Topic | undefined {
    return this.#topics.get(topicKey(name, isPrivate));
  }
}

function topicKey(name: string, isPrivate: boolean): string {
  return `${isPrivate ? "private" : "public"} ${name}`;
}
