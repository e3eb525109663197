import { rawExchange, startStage } from '@qps/testkit'
import { expect, test } from 'vitest'
import { shopCatalogue } from '../src/catalogue.ts'
import { usableVariants } from './variants.ts'

const folder = '04-memory-pooling'
const catalogue = shopCatalogue()
const textOf = (id: number): string => Buffer.from(JSON.stringify(catalogue.item(id))).toString('latin1')

/** The longest answer, and the shortest one. */
const byLength = Array.from({ length: catalogue.count }, (_, index) => index + 1).toSorted(
  (left, right) => textOf(right).length - textOf(left).length,
)
const long = byLength[0]!
const short = byLength.at(-1)!

/** One client asks for one item, on a connection of its own. @returns the body. */
async function bodyOf(port: number, id: number): Promise<string> {
  const { text } = await rawExchange(port, `GET /items/${id} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}

test('unsafe says that it must not be used', async () => {
  await using stage = await startStage(folder, ['--variant', 'unsafe'])
  expect(stage.events[0]!['notes']).toMatchObject({ warning: expect.stringContaining('NEVER USE') })
})

test('unsafe shows one client the end of what another one asked for', async () => {
  await using stage = await startStage(folder, ['--variant', 'unsafe'])
  // Nobody came before: the first answer is right, and so is every one that is longer than all before it.
  expect(await bodyOf(stage.port, short)).toBe(textOf(short))
  expect(await bodyOf(stage.port, long)).toBe(textOf(long))
  const leaked = textOf(long).slice(textOf(short).length)
  expect(leaked.length).toBeGreaterThan(50)
  expect(await bodyOf(stage.port, short)).toBe(textOf(short) + leaked)
})

test.each(usableVariants)('%s does not', async (variant) => {
  await using stage = await startStage(folder, ['--variant', variant])
  for (const id of [short, long, short, long, short, short]) expect(await bodyOf(stage.port, id)).toBe(textOf(id))
})
