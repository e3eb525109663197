import type { Readable } from 'node:stream'

/** How much of a program's standard error is kept, for the message when it dies. */
const complaintBytesMax = 8 * 1024

/**
 * Reads a program's standard error, so that it never blocks on it.
 *
 * @returns the most telling line so far, as the end of a message; empty where it said nothing.
 */
export function lastWordsOf(stderr: Readable): () => string {
  let complaint = ''
  stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-complaintBytesMax)
  })
  return () => {
    const words = tellingLine(complaint)
    return words === '' ? '' : `; its last words: ${words}`
  }
}

function tellingLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return (lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? '').trim().slice(0, 300)
}
