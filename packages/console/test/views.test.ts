import { describe, expect, test } from 'vitest'
import { type Drawing, drawingText } from '../src/stage/drawing.ts'
import { drawingSvg } from '../src/stage/view-svg.ts'
import { checkViews, type StageView, viewRoutes } from '../src/stage/views.ts'

const drawing: Drawing = {
  caption: 'two bars',
  rows: [
    { label: 'first', start: 0, end: 0.5, note: 'half' },
    { label: 'second', start: 0.5, end: 0.5001, note: 'hardly any', heat: 1 },
    { label: 'nothing', start: 0, end: 0, note: '' },
  ],
}
const view = (over: Partial<StageView> = {}): StageView => ({
  name: 'bars',
  key: 'x',
  title: 'Bars',
  draw: () => drawing,
  ...over,
})
const gone = new AbortController().signal
const pageOf = (view: StageView, query: string) => viewRoutes([view])['/debug/bars']!(new URLSearchParams(query), gone)

describe('a drawing as text', () => {
  test('has a bar for each row, and at least one cell where there is anything', () => {
    const lines = drawingText('Bars', drawing).split('\n')
    expect(lines.slice(0, 2)).toEqual(['Bars', 'two bars'])
    expect(lines[2]).toBe(`first    ${'█'.repeat(20)}${'·'.repeat(20)}  half`)
    expect(lines[3]).toBe(`second   ${'·'.repeat(20)}█${'·'.repeat(19)}  hardly any`)
    expect(lines[4]).toBe(`nothing  ${'·'.repeat(40)}`)
  })

  test('keeps within its width, whatever the numbers', () => {
    const rows = [
      { label: 'x'.repeat(500), start: -1, end: 7, note: '' },
      { label: 'y', start: NaN, end: NaN, note: '' },
      { label: 'z', start: 1, end: 2, note: '' },
    ]
    for (const line of drawingText('Bars', { caption: '', rows }).split('\n').slice(2)) expect(line.length).toBe(74)
  })

  test('shows no control character of a label to the terminal', () => {
    const text = drawingText('Bars', {
      caption: '',
      rows: [{ label: '\u001b[2J\u202e', start: 0, end: 1, note: '\u0007' }],
    })
    for (const mark of ['\u0007', '\u001b', '\u202e']) expect(text).not.toContain(mark)
  })

  test('counts what does not fit', () => {
    const rows = Array.from({ length: 1_000 }, () => drawing.rows[0]!)
    expect(drawingText('Bars', { caption: '', rows }).split('\n').at(-1)).toBe('and 872 more')
  })
})

describe('a drawing as SVG', () => {
  test('escapes what may come from a request', () => {
    const rows = [{ label: '<script>alert("1")</script>&', start: 0, end: 1, note: "'\u0000" }]
    const svg = drawingSvg({ caption: '<b>', rows })
    for (const part of ['<script', '<b>', '"1"', '\u0000']) expect(svg).not.toContain(part)
    expect(svg).toContain('&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#38;')
  })

  test('colors by heat', () => {
    expect(drawingSvg(drawing)).toContain('hsl(210 ')
    expect(drawingSvg(drawing)).toContain('hsl(0 ')
  })
})

describe('the page of a view', () => {
  test.each([
    ['', 'text/html; charset=utf-8', '<title>Bars</title>'],
    ['format=svg', 'image/svg+xml; charset=utf-8', '<svg '],
    ['format=text', 'text/plain; charset=utf-8', 'Bars\ntwo bars\n'],
  ])('for ?%s is %s', async (query, contentType, text) => {
    const page = await pageOf(view(), query)
    expect(page.contentType).toBe(contentType)
    expect(page.body).toContain(text)
  })

  test('has a text of its own where the view has one', async () => {
    const page = await pageOf(view({ text: (query) => `as text, ${query.get('id')}` }), 'format=text&id=7')
    expect(page.body).toBe('Bars\nas text, 7\n')
  })

  test('refuses another format', async () => {
    expect(await pageOf(view(), 'format=gif')).toMatchObject({ status: 400 })
  })

  test('hands its query on', async () => {
    const draw = (query: URLSearchParams): Drawing => ({ caption: query.get('id')!, rows: [] })
    expect((await pageOf(view({ draw }), 'format=text&id=seven')).body).toContain('seven')
  })
})

test('views have keys and names of their own', () => {
  const other = view({ name: 'others', key: 'y' })
  expect(checkViews([view(), other], ['q'])).toHaveLength(2)
  expect(() => checkViews([view({ key: 'q' })], ['q'])).toThrow('key of its own')
  expect(() => checkViews([view(), view({ name: 'others' })], [])).toThrow('key of its own')
  expect(() => checkViews([view(), view({ key: 'y' })], [])).toThrow('no two views')
})
