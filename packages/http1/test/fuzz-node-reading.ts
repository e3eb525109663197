import { createRequire } from 'node:module'

/** A request as Node's parser sees it. */
export interface NodeRequest {
  method: string
  target: string
  versionMajor: number
  versionMinor: number
  fields: [name: string, value: string][]
  trailers: [name: string, value: string][]
  body: string
  keepAlive: boolean
  /** Was its body read to the end? */
  complete: boolean
}

export interface NodeReading {
  requests: NodeRequest[]
  /** llhttp's code, `HPE_INVALID_METHOD` for one. */
  failure: string | undefined
  /** Did it stop because what follows would be another protocol? */
  paused: boolean
}

interface NodeParser {
  [callback: number]: (...values: never[]) => number | void
  initialize(type: number, resource: object, headerBytesMax: number, lenience: number): void
  execute(bytes: Uint8Array): number | (Error & { code: string })
  close(): void
}

interface NodeHttp {
  HTTPParser: (new () => NodeParser) & Record<string, number>
  methods: readonly string[]
}

/** The parser inside `node:http`, without a socket around it: the same binding, set up as strictly as there. */
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as NodeHttp

/** Reads a connection's bytes with llhttp. `headerBytesMax` is Node's `maxHeaderSize`. */
export function readByNode(input: Uint8Array, headerBytesMax: number): NodeReading {
  const reading: NodeReading = { requests: [], failure: undefined, paused: false }
  const parser = new HTTPParser()
  let early: string[] = []
  let earlyTarget = ''
  let current: NodeRequest | undefined
  parser.initialize(HTTPParser['REQUEST']!, {}, headerBytesMax, 0)
  // Fields beyond the first batch come early and without the request; those behind the body are trailers.
  parser[HTTPParser['kOnHeaders']!] = (pairs: string[], target: string) => {
    if (current !== undefined) return void current.trailers.push(...paired(pairs))
    early.push(...pairs)
    earlyTarget += target
  }
  parser[HTTPParser['kOnHeadersComplete']!] = (
    versionMajor: number,
    versionMinor: number,
    pairs: string[] | undefined,
    method: number,
    target: string | undefined,
    _status: undefined,
    _reason: undefined,
    upgrade: boolean,
    keepAlive: boolean,
  ) => {
    const fields = paired([...early, ...(pairs ?? [])])
    const request = { method: methods[method]!, target: target ?? earlyTarget, versionMajor, versionMinor, fields }
    current = { ...request, trailers: [], body: '', keepAlive, complete: false }
    reading.requests.push(current)
    if (upgrade) reading.paused = true
    early = []
    earlyTarget = ''
    return 0
  }
  parser[HTTPParser['kOnBody']!] = (bytes: Buffer) => void (current!.body += bytes.toString('latin1'))
  parser[HTTPParser['kOnMessageComplete']!] = () => {
    current!.complete = true
    current = undefined
  }
  const outcome = parser.execute(input)
  if (typeof outcome !== 'number') reading.failure = outcome.code
  parser.close()
  return reading
}

function paired(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index]!, flat[2 * index + 1]!])
}
