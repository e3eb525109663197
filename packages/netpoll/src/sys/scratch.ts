import { Arena } from './arena.ts'

/** A page for the arguments of calls that are rare: options, addresses, parameters. One per thread, never released. */
let page: Arena | undefined

/** Scratch memory of this thread. Its contents last until the next call that uses it; nobody keeps anything there. */
export function scratch(): Arena {
  page ??= new Arena(4096)
  return page
}
