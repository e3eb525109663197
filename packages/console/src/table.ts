/** One column of a text table. */
export interface Column {
  title: string
  /** Numbers stand right; default left. */
  align?: 'left' | 'right'
}

/**
 * A table as aligned text, two blanks between columns, a rule under the titles, no line longer than its cells need.
 *
 * @param rows one array of cells per row, as many as there are columns.
 */
export function textTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, index) =>
        column.align === 'right'
          ? (cells[index] ?? '').padStart(widths[index]!)
          : (cells[index] ?? '').padEnd(widths[index]!),
      )
      .join('  ')
      .trimEnd()
  return [
    line(columns.map((column) => column.title)),
    widths.map((width) => '─'.repeat(width)).join('  '),
    ...rows.map(line),
  ].join('\n')
}

/** The same table as GitHub-flavored Markdown. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = columns.map((column) => (column.align === 'right' ? '---:' : '---'))
  return [line(columns.map((column) => column.title)), line(rule), ...rows.map(line)].join('\n')
}
