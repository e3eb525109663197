import { markdownTable } from '@qps/console'
import { QpsError } from '@qps/core'
import type { Table } from './report.ts'

/** `<!-- results:NAME -->`; the name ends at the first blank. */
const opening = /<!-- results:(\S+) -->/g

/**
 * Replaces what stands between each `<!-- results:NAME -->` and its `<!-- /results:NAME -->`. Everything else stays as it
 * is, byte for byte, and filling a filled text again changes nothing.
 *
 * @param text a Markdown document. @param shown its path, for messages. @param contentOf what belongs into a marker.
 * @throws QpsError QPS_MARKER where a marker is not closed.
 */
export function fillMarkers(text: string, shown: string, contentOf: (name: string) => string): string {
  let filled = ''
  let from = 0
  opening.lastIndex = 0
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const name = match[1]!
    const contentStart = opening.lastIndex
    const end = text.indexOf(`<!-- /results:${name} -->`, contentStart)
    if (end === -1) {
      const line = text.slice(0, match.index).split('\n').length
      throw new QpsError('QPS_MARKER', `${shown}:${line}: <!-- results:${name} --> is never closed`, {
        hint: `end it with <!-- /results:${name} -->`,
      })
    }
    filled += text.slice(from, contentStart) + contentOf(name)
    from = end
    opening.lastIndex = end
  }
  return filled + text.slice(from)
}

/** Blocks of Markdown as a marker holds them: blank lines around, since a comment would swallow the line after it. */
export function asBlock(...blocks: string[]): string {
  return `\n\n${blocks.join('\n\n')}\n\n`
}

/** A table in the form that the formatter leaves alone: every column as wide as its widest cell. */
export function alignedMarkdown({ columns, rows }: Table): string {
  const lines = markdownTable(columns, rows)
    .split('\n')
    .map((line) => line.slice(2, -2).split(' | '))
  const widths = columns.map((_, column) =>
    Math.max(3, ...lines.map((cells, line) => (line === 1 ? 0 : cells[column]!.length))),
  )
  const pad = (text: string, column: number, line: number): string => {
    const width = widths[column]!
    const right = columns[column]!.align === 'right'
    if (line === 1) return right ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)
    return right ? text.padStart(width) : text.padEnd(width)
  }
  return lines
    .map((cells, line) => `| ${cells.map((cell, column) => pad(cell, column, line)).join(' | ')} |`)
    .join('\n')
}
