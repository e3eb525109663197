import { expect, test } from 'vitest'
import { type Facet, likenesses } from './likeness.ts'
import { allHttp2Variants, hardenedHttp2WithOwn } from './http2-variants.ts'
import { hardenedWithOwn, stockVariants, variants, variantsWithOwn } from './variants.ts'

const nameOf = ({ stage, variant }: { stage: string; variant: string }): string => `${stage} ${variant}`
const names = variants.map(nameOf)

test('who is like another one exists, and so does the other', () => {
  expect(names).toEqual(expect.arrayContaining(Object.keys(likenesses)))
  expect(names).toEqual(expect.arrayContaining(Object.values(likenesses).map(({ to }) => to)))
})

test('what is not tried of a variant is tried of the one that it is like', () => {
  for (const [name, { to, in: facets, because }] of Object.entries(likenesses)) {
    expect(because.length, name).toBeGreaterThan(20)
    for (const facet of facets) expect(hardenedWithOwn(facet).map(nameOf), `${name}, ${facet}`).toContain(to)
  }
})

test('so it is over HTTP/2', () => {
  for (const { name, like } of allHttp2Variants) {
    for (const facet of like?.in ?? []) {
      expect(
        hardenedHttp2WithOwn(facet).map((other) => other.name),
        `${name}, ${facet}`,
      ).toContain(like!.to)
    }
  }
})

test('a variant that nobody has said anything of is tried in everything', () => {
  const unsaid = variants.filter((variant) => likenesses[nameOf(variant)] === undefined)
  expect(unsaid.map(nameOf)).toEqual(expect.arrayContaining(stockVariants.map(nameOf)))
  for (const facet of ['connections', 'messages', 'memory'] satisfies Facet[]) {
    expect(variantsWithOwn(facet)).toEqual(expect.arrayContaining(unsaid))
  }
})

test('what nobody is like is among the hardened ones: fastify, and the engine on each of its pollers', () => {
  expect(hardenedWithOwn('connections').map(nameOf)).toEqual(
    expect.arrayContaining([
      '01-minimal-server observed',
      '02-event-loop libuv',
      '02-event-loop epoll',
      '02-event-loop io_uring',
    ]),
  )
})
