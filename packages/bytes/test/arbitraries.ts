import fc from 'fast-check'

/** UTF-16 units at which something changes: escapes, lengths in UTF-8, halves of surrogate pairs. */
const edges = [
  0x00, 0x08, 0x0a, 0x1f, 0x20, 0x22, 0x2f, 0x5c, 0x7e, 0x7f, 0x80, 0xff, 0x100, 0x10a, 0x7ff, 0x800, 0x2028, 0xd7ff,
  0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfeff, 0xfffd, 0xffff,
]
const unit = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  { weight: 2, arbitrary: fc.constantFrom(...edges) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
)
const textOf = (units: readonly number[]): string => String.fromCharCode(...units)

/** Any string that JavaScript has, halves of pairs included; short ones and ones beyond what is written in a loop. */
export const anyText: fc.Arbitrary<string> = fc.array(unit, { maxLength: 100 }).map(textOf)
export const asciiText: fc.Arbitrary<string> = fc
  .array(fc.integer({ min: 0, max: 0x7f }), { maxLength: 100 })
  .map(textOf)
export const latin1Text: fc.Arbitrary<string> = fc
  .array(fc.integer({ min: 0, max: 0xff }), { maxLength: 100 })
  .map(textOf)

/** Whole numbers of every magnitude: a uniform draw would hardly ever be small. */
export const anyMagnitude: fc.Arbitrary<number> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 52 }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([bits, fraction]) => Math.min(Number.MAX_SAFE_INTEGER, Math.floor(2 ** (bits + fraction)))),
  fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: -1, max: 1 }))
    .map(([power, off]) => Math.max(0, 10 ** power + off)),
  fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER),
)
export const anyInteger: fc.Arbitrary<number> = fc
  .tuple(anyMagnitude, fc.boolean())
  .map(([magnitude, negative]) => (negative ? -magnitude : magnitude))
