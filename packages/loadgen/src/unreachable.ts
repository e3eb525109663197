import { QpsError } from '@qps/core'
import type { LoadPlan } from './options.ts'

type Where = Pick<LoadPlan, 'url'>

/** Nobody is there, or nobody that can be spoken to. */
export function unreachable(
  { url }: Where,
  why: string,
  cause: unknown,
  hint = 'start a server there first (npm run stage:1), or correct the URL',
): QpsError {
  return new QpsError('QPS_UNREACHABLE', `cannot connect to ${url}: ${why}`, { cause, retryable: true, hint })
}

/** Somebody is there whose certificate is not taken. */
export function untrusted({ url }: Where, why: string, cause: unknown): QpsError {
  return new QpsError('QPS_UNREACHABLE', `cannot connect to ${url}: its certificate is not trusted: ${why}`, {
    cause,
    hint: 'name its authority with --cacert FILE, or take any certificate with --insecure',
  })
}
