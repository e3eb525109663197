import { clamp, type Drawing, rowsMax } from './drawing.ts'

const width = 1040
const labelWidth = 260
const barWidth = 420
const rowHeight = 22
const top = 34

/**
 * The drawing as SVG. Colors follow the reader's: light or dark. Everything that is text is escaped, for part of it may come from
 * a request.
 */
export function drawingSvg({ caption, rows }: Drawing): string {
  const shown = rows.slice(0, rowsMax)
  const height = top + rowHeight * (shown.length + 1)
  const body = shown.map(({ label, start, end, note, heat = 0 }, index) => {
    const y = top + rowHeight * index
    const from = clamp(start) * barWidth
    const length = Math.max(end > start ? 2 : 0, clamp(end) * barWidth - from)
    return [
      `<text x="0" y="${y + 15}">${escaped(label)}</text>`,
      `<rect x="${labelWidth}" y="${y + 3}" width="${barWidth}" height="16" class="track"/>`,
      `<rect x="${round(labelWidth + from)}" y="${y + 3}" width="${round(length)}" height="16" fill="${color(heat)}"/>`,
      `<text x="${labelWidth + barWidth + 12}" y="${y + 15}" class="note">${escaped(note)}</text>`,
    ].join('')
  })
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="ui-monospace, monospace" font-size="13"><style>${style}</style>` +
    `<text x="0" y="16" class="note">${escaped(caption)}</text>${body.join('')}</svg>`
  )
}

const style =
  'text{fill:#1a1f24;white-space:pre}.note{fill:#57606a}.track{fill:#eceff2}' +
  '@media(prefers-color-scheme:dark){text{fill:#e8eaed}.note{fill:#a5adb5}.track{fill:#2a2f35}}'

/** From blue, which is calm, over yellow to red. */
function color(heat: number): string {
  return `hsl(${Math.round(210 * (1 - clamp(heat)))} 70% 52%)`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`).replace(/[^\t\x20-\ud7ff\ue000-\ufffd]/g, '?')
}

/** The page asks for the drawing anew while somebody looks at it, with the query that it has itself. */
export function viewPage(title: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>body { font: 15px system-ui, sans-serif; margin: 2rem } img { max-width: 100% }</style>
<h1>${escaped(title)}</h1>
<img alt="${escaped(title)}">
<p><a id="text">as text</a></p>
<script>
  const image = document.querySelector('img')
  const address = (format) => {
    const query = new URLSearchParams(location.search)
    query.set('format', format)
    return '?' + query
  }
  const draw = () => { if (!document.hidden) image.src = address('svg') + '&at=' + Date.now() }
  document.querySelector('#text').href = address('text')
  draw()
  setInterval(draw, 1000)
</script>
</html>
`
}
