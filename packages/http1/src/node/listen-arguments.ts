import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { systemErrorCode } from '@qps/core'
import type { ListenOptions } from '@qps/netpoll'

/** Where `net.Server.listen` can be told to listen, as far as we know how to. */
export interface NodeListenOptions {
  /** A name or an address. Default every interface: `::`, or `0.0.0.0` where IPv6 is missing. */
  host?: string | undefined
  /** Default 0: a free one. */
  port?: number | string | undefined
  /** A unix socket's path. */
  path?: string | undefined
  /** Default 4096, where Node's is 511; the kernel cuts it to `net.core.somaxconn`. */
  backlog?: number | undefined
  reusePort?: boolean | undefined
  /** Aborting it closes the server. */
  signal?: AbortSignal | undefined
}

export type Listening = () => void
export type ListenArguments =
  | [options: NodeListenOptions, listening?: Listening]
  | [path: string, listening?: Listening]
  | [path: string, backlog?: number, listening?: Listening]
  | [port?: number | Listening, host?: string | Listening, backlog?: number | Listening, listening?: Listening]
  | [port: number, backlog: number, listening?: Listening]

/** `listen` has as many forms as it has history: here is one of them. */
export function readListenArguments(values: readonly unknown[]): { options: NodeListenOptions; listening?: Listening } {
  const last = values.findLast((value) => value !== undefined)
  const listening = typeof last === 'function' ? { listening: last as Listening } : {}
  const [first, ...others] = values.filter((value) => typeof value !== 'function')
  if (typeof first === 'object' && first !== null) return { options: first as NodeListenOptions, ...listening }
  const host = others.find((value) => typeof value === 'string')
  const backlog = others.find((value) => typeof value === 'number')
  const isPath = typeof first === 'string' && !/^\d+$/.test(first)
  const where = isPath ? { path: first } : { port: first as number | undefined, host }
  return { options: { ...where, backlog }, ...listening }
}

/** The same for the engine, which knows no names. @throws Error ENOTFOUND, EAI_AGAIN where a name stands for nothing. */
export async function toListenOptions(options: NodeListenOptions): Promise<ListenOptions> {
  const { host = everyInterface(), port = 0, path, backlog, reusePort } = options
  const common = { ...(backlog === undefined ? {} : { backlog }), ...(reusePort === undefined ? {} : { reusePort }) }
  if (path !== undefined) return { path, ...common }
  const { address } = await lookup(host)
  return { host: address, port: Number(port), ...common }
}

function everyInterface(): string {
  const addresses = Object.values(networkInterfaces()).flat()
  return addresses.some((each) => each?.family === 'IPv6') ? '::' : '0.0.0.0'
}

/** As Node says it: its users look at `code`. The engine's own error, which has a hint, is the cause. */
export function listenFailure(error: unknown, { host, port, path }: NodeListenOptions): Error {
  const system = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = systemErrorCode(system)
  if (!(system instanceof Error) || code === undefined) return error instanceof Error ? error : new Error(String(error))
  const failure: NodeJS.ErrnoException & { address?: string; port?: number } = new Error(
    `listen ${code}: ${error instanceof Error ? error.message : code} ${path ?? `${host ?? '::'}:${port ?? 0}`}`,
    { cause: error },
  )
  failure.code = code
  failure.syscall = 'listen'
  const { errno } = system as NodeJS.ErrnoException
  if (errno !== undefined) failure.errno = errno
  failure.address = path ?? host ?? '::'
  if (path === undefined) failure.port = Number(port ?? 0)
  return failure
}
