import type { BufferPool, BufferPoolOptions, ObjectPool, ObjectPoolOptions, PoolMode } from '@qps/pool'

/** How the suite makes the pools that it tests. */
export interface PoolSubject {
  objects<T>(options: ObjectPoolOptions<T>): ObjectPool<T>
  buffers(options: BufferPoolOptions): BufferPool
}

/** Pools of one mode, with room for one object, or for one buffer of 64 bytes: who comes next gets the same one. */
export interface Bench {
  readonly subject: PoolSubject
  readonly mode: PoolMode
}

/** What a request keeps while it is served: the thing that must not be seen by another. */
export interface Session {
  user: string
}

/** A mistake that a program can make with a pool, small enough to be read. */
export interface WrongProgram {
  /** What it does wrong. */
  readonly mistake: string
  /**
   * Makes the mistake.
   *
   * @returns what came of it, where nothing was thrown.
   */
  run(bench: Bench): string | Promise<string>
  /** The error of development: its code, or its name where the language itself throws. */
  readonly development: string
  /** The error of production; where it has none, what the mistake does to others. */
  readonly production: { readonly error: string } | { readonly harm: string }
}

export function sessions({ subject, mode }: Bench): ObjectPool<Session> {
  return subject.objects<Session>({
    mode,
    sizeMax: 1,
    create: () => ({ user: '' }),
    reset: (session) => {
      session.user = ''
    },
  })
}

export function buffers({ subject, mode }: Bench): BufferPool {
  return subject.buffers({ mode, bytesMax: 64 })
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

export function write(bytes: Uint8Array, words: string): void {
  new TextEncoder().encodeInto(words, bytes)
}

/** What happens elsewhere before an await is over. */
export const turn = (): Promise<void> => Promise.resolve()
