import { messageOf, QpsError } from '@qps/core'
import type { Response } from '@qps/http1'
import { refuse, refuseForNow } from './problems.ts'

/** Nobody reads this answer: its client has left. The number is nginx's. */
const clientLeft = 499

/** Failures that are no bug: what each means to the client. 503 is the only one that says "ask again". */
const statuses: ReadonlyMap<string, number> = new Map([
  ['QPS_DEADLINE', 504],
  ['QPS_TASK_TIMEOUT', 504],
  ['QPS_CANCELLED', clientLeft],
  ['QPS_TASK_CANCELLED', clientLeft],
  ['QPS_MAP_FULL', 503],
  ['QPS_MAP_LOCK_LOST', 503],
  ['QPS_POOL_FULL', 503],
  ['QPS_POOL_CLOSED', 503],
  ['QPS_TASK_DISCARDED', 503],
  ['QPS_WORKER_DIED', 503],
  ['QPS_LOG_FULL', 503],
  ['QPS_QUEUE_FULL', 503],
  ['QPS_CONNECT', 503],
  ['QPS_UPSTREAM', 503],
  ['QPS_PROCESS_GONE', 503],
  ['QPS_PROCESS_BUSY', 503],
])

/**
 * Answers a request whose work has failed. @throws what it was, where it is no failure that is foreseen: the server answers 500 and
 * reports it.
 */
export function answerFailure(response: Response, error: unknown): void {
  const status = error instanceof QpsError ? statuses.get(error.code) : undefined
  if (status === undefined) throw error
  const code = (error as QpsError).code.slice('QPS_'.length).toLowerCase()
  if (status === 503) refuseForNow(response, code, messageOf(error))
  else refuse(response, status, code, messageOf(error))
}
