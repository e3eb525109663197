import fc from 'fast-check'
import { join } from 'node:path'
import { check } from 'prettier'
import { expect, test } from 'vitest'
import { fillDocuments } from '../src/markers.ts'
import { markerContent, type MarkerSources } from '../src/marker-content.ts'
import { fillMarkers } from '../src/marker-text.ts'
import { repositoryRoot } from '../src/paths.ts'
import { sampleResults, sampleVariant } from './sample.ts'
import { thrownBy } from './thrown.ts'

const sources: MarkerSources = {
  scenarios: ['01-minimal-server', '02-later'],
  results: [sampleResults()],
  stages: [
    {
      number: 1,
      slug: '01-minimal-server',
      title: 'The minimal server',
      best: 'observed',
      variants: [],
      scenarios: ['01-minimal-server'],
      folder: '01-minimal-server',
    },
  ],
}
const fill = (text: string): string => fillMarkers(text, 'README.md', (name) => markerContent(name, sources))
const page = `# Title

Before.

<!-- results:ladder -->

old

<!-- /results:ladder -->

Between: <!-- results:01-minimal-server:minimal:cpuUsPerRequest -->?<!-- /results:01-minimal-server:minimal:cpuUsPerRequest --> µs.

<!-- results:01-minimal-server -->
<!-- /results:01-minimal-server -->

<!-- results:02-later -->
<!-- /results:02-later -->
`

test('tables and figures come from the results, and what was there goes', () => {
  const filled = fill(page)
  expect(filled).not.toContain('old')
  expect(filled).toContain('[1 The minimal server](stages/01-minimal-server)')
  expect(filled).toMatch(/\| minimal +\| +40 \| +39 to 41 \|/)
  expect(filled).toMatch(/\| observed +\| +60 \| +59 to 61 \| +× 1.5 \|/)
  expect(filled).toContain('bun (peer)')
  expect(filled).toContain('cpuUsPerRequest -->40<!--')
  expect(filled).toContain('Verdict: held (noise floor 2.0 %)')
  expect(filled).toContain('Not measured yet: `npm run bench -- 02-later --save`.')
})

test('filling is idempotent, and the formatter agrees with the result', async () => {
  const filled = fill(page)
  expect(fill(filled)).toBe(filled)
  const settings = { semi: false, singleQuote: true, printWidth: 120, trailingComma: 'all' } as const
  expect(await check(filled, { ...settings, parser: 'markdown' })).toBe(true)
})

test('of two machines the latest measurement stands', () => {
  const newer = sampleResults({ measuredAt: '2026-12-01T00:00:00.000Z', variants: [sampleVariant('minimal', 33)] })
  for (const results of [
    [sampleResults(), newer],
    [newer, sampleResults()],
  ]) {
    expect(markerContent('01-minimal-server:minimal:cpuUsPerRequest', { ...sources, results })).toBe('33')
  }
})

test('a void figure is marked and its reason stands below', () => {
  const [minimal, observed, bun] = sampleResults().variants
  const results = sampleResults({
    variants: [minimal!, observed!, { ...bun!, void: { achievedQps: 'the generator was the limit' } }],
    reasons: ['achievedQps of bun is void: the generator was the limit'],
  })
  const content = markerContent('01-minimal-server', { ...sources, results: [results] })
  expect(content).toContain('50,000 †')
  expect(content).toContain('† achievedQps of bun is void')
})

test('a difference inside the noise floor is printed as no difference', () => {
  const results = sampleResults({ variants: [sampleVariant('minimal', 40), sampleVariant('hardened', 40.5)] })
  expect(markerContent('01-minimal-server', { ...sources, results: [results] })).toContain('no difference')
})

test.each([
  ['01-minimal-servr', /did you mean "01-minimal-server"/],
  ['01-minimal-server:minimal:cpuUsPerReqest', /did you mean "cpuUsPerRequest"/],
  ['01-minimal-server:minmal:achievedQps', /did you mean "minimal"/],
])('a marker %s is refused with the nearest name', async (name, hint) => {
  const error = await thrownBy(() => fill(`<!-- results:${name} --><!-- /results:${name} -->`))
  expect(error.code).toBe('QPS_MARKER')
  expect(error.hint).toMatch(hint)
})

test('a marker that is never closed is refused with its line', async () => {
  expect((await thrownBy(() => fill('one\ntwo\n<!-- results:ladder -->\n'))).message).toContain('README.md:3')
})

test('a text without markers stays as it is', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!text.includes('<!-- results:'))
      expect(fill(text)).toBe(text)
    }),
  )
})

test('the committed documents say what the committed results say', () => {
  expect(fillDocuments({ check: true })).toEqual([])
})

test('a folder without documents has nothing to fill', () => {
  expect(fillDocuments({ check: true, root: join(repositoryRoot, 'bench', 'test') })).toEqual([])
})
