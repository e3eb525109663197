/** One HTTP/1.1 response as it stood on the wire, taken apart just far enough to compare it. */
export interface Answer {
  statusLine: string
  status: number
  contentType: string | undefined
  contentLength: number | undefined
  body: string
  /** The whole response. One character per byte. */
  text: string
}

/** The response at the start of `text` (latin1), or undefined while bytes are missing. */
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
 * How `answer` differs from `reference`, or undefined where they are equivalent. Two servers of ours must agree in every
 * byte after masking; a peer in status, content type, content length and body, since its further header fields are its
 * own (the bytes that they take on the wire are recorded).
 */
export function difference(answer: Answer, reference: Answer, kind: 'ours' | 'peer' | 'reference'): string | undefined {
  if (kind === 'ours') return firstDifference(maskAnswer(answer.text), maskAnswer(reference.text))
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
