/** What the client of one channel may receive and send. On a public channel everything is allowed. */

import {
  type Authorization,
  AuthorizationError,
  type Extension,
  type Rights,
  type Subject,
} from "./authorization.ts";

export class ChannelRights {
  mayRead: Rights = { broadcast: true, presence: true };
  /** The results of the insert policies that have been checked. */
  #mayWrite: Partial<Rights> = {};

  constructor(
    private readonly authorization: Authorization,
    private readonly isPrivate: boolean,
    private readonly subject: () => Subject,
  ) {}

  /** Checks the select policies: what the client may receive now. */
  async query(): Promise<Rights> {
    return await this.authorization.mayRead(this.subject());
  }

  /** Replaces what the client may receive. Returns false, and changes nothing, if it would lose a right. */
  replace(rights: Rights): boolean {
    const { broadcast, presence } = this.mayRead;
    if ((broadcast && !rights.broadcast) || (presence && !rights.presence)) return false;
    this.mayRead = rights;
    return true;
  }

  /** Whether the client may send. The policies are checked once, and again after `forgetWrites`. */
  async maySend(extension: Extension): Promise<boolean> {
    if (!this.isPrivate) return true;
    const known = this.#mayWrite[extension];
    if (known !== undefined) return known;
    try {
      const allowed = await this.authorization.mayWrite(this.subject(), extension);
      this.#mayWrite[extension] = allowed;
      return allowed;
    } catch (error) {
      if (error instanceof AuthorizationError) return false;
      throw error;
    }
  }

  /** Makes the next message of the client check the insert policies again. */
  forgetWrites(): void {
    this.#mayWrite = {};
  }
}
