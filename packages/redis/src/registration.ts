import { NotMember } from './core.ts';

/** Which member this node is right now. Lost once per id, whoever notices first. */
export class Registration {
  #id: string | undefined;
  /** Called once per id that is lost. */
  onLost: ((id: string, reason: string) => void) | undefined;

  get id(): string | undefined {
    return this.#id;
  }

  take(id: string): void {
    this.#id = id;
  }

  /** Somebody refused `id`; a refusal of an older id says nothing about the present one. */
  lose(id: string | undefined, reason: string): void {
    if (id === undefined || id !== this.#id) return;
    this.#id = undefined;
    this.onLost?.(id, reason);
  }

  /** As `lose`; what to throw at whoever asked. */
  lost(id: string, reason: string): NotMember {
    this.lose(id, reason);
    return new NotMember(id, 'not-executed');
  }

  /** Left on purpose: nobody is told. */
  drop(): void {
    this.#id = undefined;
  }
}
