import type { AdminPage } from '@qps/http-contract'

/** Longer than this is no experiment any more. */
const blockMsMax = 1_000

/**
 * Keeps this thread busy, as a synchronous computation in a handler would: nothing else runs meanwhile, no timer, no
 * request. What was due is late by as much.
 *
 * @returns what was done, for people.
 */
export function blockLoop(ms: number): string {
  const startMs = performance.now()
  while (performance.now() - startMs < ms);
  return `blocked the loop for ${Math.round(performance.now() - startMs)} ms`
}

/** `POST /block?ms=50` on the admin port. */
export async function blockPage(query: URLSearchParams): Promise<AdminPage> {
  const ms = Number(query.get('ms') ?? 50)
  const bounded = ms >= 1 && ms <= blockMsMax ? ms : 50
  // After this answer has left: the admin port shares the loop that it blocks.
  setTimeout(() => void blockLoop(bounded), 5)
  return { contentType: 'text/plain; charset=utf-8', body: `blocking the loop for ${bounded} ms\n` }
}
