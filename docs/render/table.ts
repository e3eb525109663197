export interface Column {
  title: string
  align?: 'right'
}

/** A Markdown table. Cells are Markdown; what comes from a file goes through {@link plain} first. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === 'right' ? '--:' : '---'))),
    ...rows.map(line),
  ].join('\n')
}

/** Text that comes from a file, as Markdown that shows it letter for letter: no markup, no cell border, no template. */
export function plain(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*_{}[\]()#!|~<>&$]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** The same inside an HTML attribute or element. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"'{}]/g, (character) => `&#${character.charCodeAt(0)};`)
}
