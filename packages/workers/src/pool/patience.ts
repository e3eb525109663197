import type { QpsError } from '@qps/core'
import { cancelledError, deadlineError, timeoutError } from './errors.ts'
import type { Job } from './job.ts'
import type { Ending } from './stats.ts'

/** The time is over, of the whole request or of the task. */
export function lateError(job: Job): QpsError {
  return job.options.context?.ended === true ? deadlineError(job.name) : timeoutError(job.name)
}

/** A signal of the caller has fired: because time is over, or because somebody has cancelled. */
export function abortOf({ name, options: { signal, context } }: Job): { error: QpsError; ending: Ending } {
  if (context?.reason?.code === 'QPS_DEADLINE') return { error: deadlineError(name), ending: 'timedOut' }
  return { error: cancelledError(name, context?.reason ?? signal?.reason), ending: 'cancelled' }
}
