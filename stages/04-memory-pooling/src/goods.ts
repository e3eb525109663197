import { type Random, seededRandom } from '@qps/core'
import type { Goods } from './catalogue.ts'

const things = 'table lamp kettle ladder blanket drawer mirror clock basket stool shelf teapot'.split(' ')
const materials = 'walnut steel linen glass wool bamboo copper felt oak ceramic cork brass'.split(' ')
const tagNames =
  'new sale outdoor kitchen garden office gift handmade fragile heavy organic recycled limited seasonal imported repaired'.split(
    ' ',
  )

/**
 * What titles look like, in turns. All but the first are there for whoever writes JSON by hand: quotes and backslashes,
 * characters of two, three and four bytes, control characters with and without a short escape, and the ones that are
 * line ends to JavaScript and letters to JSON.
 */
const titleForms: readonly ((thing: string, material: string) => string)[] = [
  (thing, material) => `A ${thing} of ${material}`,
  (thing, material) => `The "${material}" ${thing}`,
  (thing, material) => `${thing} \\ ${material} C:\\shop\\`,
  (thing, material) => `Café ${thing}, façade ${material} à 20 °C`,
  (thing, material) => `${thing} 木の家具 ${material} Ελλάδα`,
  (thing, material) => `${thing} 🪑 of ${material} 🌍`,
  (thing, material) => `${thing}\t${material}\r\n\b\f\u0001\u001f\u007f`,
  (thing, material) => `${material}\u2028${thing}\u2029 </script> \u0000`,
]

const sentences: readonly ((thing: string, material: string) => string)[] = [
  (thing, material) => `This ${thing} is made of ${material} by people who have made nothing else for thirty years.`,
  (thing) => `Each ${thing} is measured twice, cut once and looked at by a third person before it leaves.`,
  (_, material) => `Our ${material} comes from places that can be visited, on roads that can be cycled.`,
  (thing) => `Put the ${thing} where the sun reaches it in the morning and nobody stumbles over it at night.`,
  (thing, material) => `A damp cloth keeps the ${material} of your ${thing} as it is; polish makes it worse.`,
  (thing) => `If the ${thing} breaks within ten years, send us what is left of it, and we mend what can be mended.`,
  (_, material) => `Colors of ${material} differ from piece to piece, and from screen to screen even more.`,
  (thing) => `It ships in one box; two people carry the ${thing} up the stairs, and one of them needs a screwdriver.`,
]

/** Descriptions are about this long, which makes an answer about 1 KB. */
const descriptionUnits = 820
const priceCentsMax = 100_000
const stockMax = 500

/**
 * Goods that are the same for the same seed. Every description names its place, so no two are the same, and bytes of one in
 * the answer for another are noticed.
 */
export function seededGoods(seed: number, count: number): Goods[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, index) => goods(index, random))
}

function goods(index: number, random: Random): Goods {
  const thing = oneOf(things, random)
  const material = oneOf(materials, random)
  return {
    title: titleForms[index % titleForms.length]!(thing, material),
    description: description(index, thing, material, random),
    price: 1 + Math.floor(random() * priceCentsMax),
    stock: Math.floor(random() * stockMax),
    tags: tags(random),
  }
}

function description(index: number, thing: string, material: string, random: Random): string {
  const parts = [`Number ${index + 1} of our catalogue.`]
  for (let units = parts[0]!.length; units < descriptionUnits; units += parts.at(-1)!.length + 1) {
    parts.push(oneOf(sentences, random)(thing, material))
  }
  return parts.join(' ')
}

/** Three to five of them, none twice. */
function tags(random: Random): string[] {
  const from = Math.floor(random() * tagNames.length)
  const count = 3 + Math.floor(random() * 3)
  return Array.from({ length: count }, (_, place) => tagNames[(from + 3 * place) % tagNames.length]!)
}

function oneOf<Value>(values: readonly Value[], random: Random): Value {
  return values[Math.floor(random() * values.length)]!
}
