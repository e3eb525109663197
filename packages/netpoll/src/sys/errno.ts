import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

const { errno } = constants

type FailureName =
  | 'EAGAIN'
  | 'EINTR'
  | 'EBUSY'
  | 'ETIME'
  | 'EINPROGRESS'
  | 'ENOBUFS'
  | 'EMFILE'
  | 'ENFILE'
  | 'ENOMEM'
  | 'ECANCELED'
  | 'ECONNABORTED'
  | 'ECONNRESET'
  | 'EPIPE'
  | 'ENOTCONN'
  | 'EPERM'
  | 'EACCES'
  | 'ENOSYS'
  | 'EADDRINUSE'
  | 'EINVAL'
  | 'EOPNOTSUPP'

/** The numbers that the pollers tell apart. Negative, as the kernel returns them. */
export const failure: Readonly<Record<FailureName, number>> = {
  EAGAIN: -errno.EAGAIN,
  EINTR: -errno.EINTR,
  EBUSY: -errno.EBUSY,
  ETIME: -errno.ETIME,
  EINPROGRESS: -errno.EINPROGRESS,
  ENOBUFS: -errno.ENOBUFS,
  EMFILE: -errno.EMFILE,
  ENFILE: -errno.ENFILE,
  ENOMEM: -errno.ENOMEM,
  ECANCELED: -errno.ECANCELED,
  ECONNABORTED: -errno.ECONNABORTED,
  ECONNRESET: -errno.ECONNRESET,
  EPIPE: -errno.EPIPE,
  ENOTCONN: -errno.ENOTCONN,
  EPERM: -errno.EPERM,
  EACCES: -errno.EACCES,
  ENOSYS: -errno.ENOSYS,
  EADDRINUSE: -errno.EADDRINUSE,
  EINVAL: -errno.EINVAL,
  EOPNOTSUPP: -errno.EOPNOTSUPP,
}

/**
 * The error that Node itself would give for a failed system call.
 *
 * @param number negative errno.
 * @example systemError(-104, 'recv').message // 'recv ECONNRESET: connection reset by peer'
 */
export function systemError(number: number, call: string): NodeJS.ErrnoException {
  const [code, words] = getSystemErrorMap().get(number) ?? [`errno ${-number}`, 'unknown error']
  const error: NodeJS.ErrnoException = new Error(`${call} ${code}: ${words}`)
  error.code = code
  error.errno = number
  error.syscall = call
  return error
}
