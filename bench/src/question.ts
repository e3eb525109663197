import type { LoadOptions } from '@qps/loadgen'
import type { Phase, Protocol, RightAnswer } from './scenario.ts'

/** What an arm is asked, over whatever protocol: the right answer's own path, or to send so many bytes back. */
export type Question = Pick<Phase, 'echoBytes'>

/** A question as one protocol asks it. */
export interface Asked {
  protocol: Protocol
  path: string
  /** The same or, where the right answer has one, the range of paths that loads take turns through. */
  loadPath: string
  /** Of the right answer; an echo is always sent by POST. */
  method: 'GET' | 'POST'
  /** What is to come back: a body, or the payload of a message. Undefined where the right answer itself is. */
  echo: Buffer | undefined
}

/**
 * @param echo what is sent; default: as many bytes as the question says.
 * @throws Error where the scenario does not say how this protocol asks that.
 */
export function asked(
  protocol: Protocol,
  answer: RightAnswer,
  { echoBytes }: Question = {},
  echo: Buffer | undefined = echoBytes === undefined ? undefined : Buffer.alloc(echoBytes, 'payload '),
): Asked {
  const { path, echoPath } = protocol === 'grpc' ? { path: undefined, echoPath: undefined, ...answer.grpc } : answer
  const found = echo === undefined ? path : echoPath
  if (found === undefined) throw new Error(`the scenario names no ${echo ? 'echo' : 'path'} for ${protocol}`)
  const own: Partial<RightAnswer> = protocol === 'h1' && echo === undefined ? answer : {}
  return { protocol, path: found, loadPath: own.loadPath ?? found, method: own.method ?? 'GET', echo }
}

/** The different questions of some loads. */
export function questionsOf(phases: readonly Question[]): Question[] {
  return [...new Set(phases.map(({ echoBytes }) => echoBytes))].map((echoBytes) =>
    echoBytes === undefined ? {} : { echoBytes },
  )
}

/** The same question as the load generator asks it of the server at `base`. */
export function loadOf(
  { protocol, loadPath, method, echo }: Asked,
  base: string,
): Pick<LoadOptions, 'url' | 'protocol' | 'method' | 'body' | 'grpcBytes'> {
  const to = { url: new URL(loadPath, base).href, protocol }
  if (protocol === 'grpc') return { ...to, grpcBytes: echo?.length ?? 0 }
  return echo === undefined ? { ...to, method } : { ...to, method: 'POST', body: echo }
}
