import type { Protocol } from './scenario.ts'

/** One answer, taken apart just far enough to compare it. */
export interface Answer {
  protocol: Protocol
  statusLine: string
  status: number
  contentType: string | undefined
  contentLength: number | undefined
  /** One character per byte. Of gRPC: the payload. */
  body: string
  /** What arms of ours must agree in: of HTTP/1.1 the whole response as it stood on the wire. One character per byte. */
  text: string
}

/** The response of HTTP/1.1 at the start of `text` (latin1), or undefined while bytes are missing. */
export function parseAnswer(text: string): Answer | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [statusLine = '', ...fieldLines] = text.slice(0, headEnd).split('\r\n')
  const field = (name: string): string | undefined => {
    const line = fieldLines.find((candidate) => candidate.toLowerCase().startsWith(`${name}:`))
    return line?.slice(name.length + 1).trim()
  }
  const length = field('content-length')
  const contentLength = length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined
  const bodyStart = headEnd + 4
  if (contentLength !== undefined && text.length < bodyStart + contentLength) return undefined
  const end = contentLength === undefined ? text.length : bodyStart + contentLength
  return {
    protocol: 'h1',
    statusLine,
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? NaN),
    contentType: field('content-type'),
    contentLength,
    body: text.slice(bodyStart, end),
    text: text.slice(0, end),
  }
}

/** Replaces what may differ between two right answers: the digits of `ts`, the Date, the seconds in Keep-Alive. */
export function maskAnswer(text: string): string {
  return text
    .replace(/("ts":)(\d+)/g, (_, key: string, digits: string) => key + '#'.repeat(digits.length))
    .replace(/^(date: ).*$/gim, (line, key: string) => key + '#'.repeat(Math.max(0, trimmedLength(line) - key.length)))
    .replace(/^(keep-alive: )(.*)$/gim, (_, key: string, value: string) => key + value.replace(/\d+/g, '#'))
}

/** `.` stops before a line feed and not before the carriage return that precedes it. */
function trimmedLength(line: string): number {
  return line.trimEnd().length
}

/**
 * How `answer` differs from `reference`, or undefined where they are equivalent. Two servers of ours that speak one protocol
 * must agree in every byte after masking; a peer, or two protocols, in status, content type, content length and body, since
 * further header fields are a server's own (the bytes that they take on the wire are recorded). Where one of them speaks
 * gRPC, whose fields are its library's, what it carries must be the same.
 */
export function difference(answer: Answer, reference: Answer, kind: 'ours' | 'peer' | 'reference'): string | undefined {
  const isSameProtocol = answer.protocol === reference.protocol
  if (kind === 'ours' && isSameProtocol) return firstDifference(maskAnswer(answer.text), maskAnswer(reference.text))
  if ([answer, reference].some(({ protocol }) => protocol === 'grpc')) {
    return firstDifference(maskAnswer(answer.body), maskAnswer(reference.body))
  }
  const compared = ['status', 'contentType', 'contentLength'] as const
  for (const key of compared) {
    if (answer[key] !== reference[key]) return `${key} is ${show(answer[key])}, not ${show(reference[key])}`
  }
  return firstDifference(maskAnswer(answer.body), maskAnswer(reference.body))
}

function firstDifference(text: string, reference: string): string | undefined {
  if (text === reference) return undefined
  const lines = text.split('\r\n')
  const referenceLines = reference.split('\r\n')
  const at = referenceLines.findIndex((line, index) => line !== lines[index])
  const index = at === -1 ? referenceLines.length : at
  return `line ${index + 1} is ${show(lines[index])}, not ${show(referenceLines[index])}`
}

function show(value: string | number | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value)
}
