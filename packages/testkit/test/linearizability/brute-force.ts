import { type Datum, mapKeyModel, type Operation } from '@qps/testkit'

/**
 * Whether a small history has an order, by trying all of them on a whole map: nothing is split by key, nothing is remembered,
 * nothing is put off. For at most some eight operations.
 */
export function hasAnOrder(history: readonly Operation[]): boolean {
  return placeOne(new Set(history), new Map())
}

function placeOne(left: ReadonlySet<Operation>, map: ReadonlyMap<string | number, Datum>): boolean {
  // Those that never returned need not be placed.
  if ([...left].every(({ returnedAt }) => returnedAt === Infinity)) return true
  const firstReturn = Math.min(...[...left].map(({ returnedAt }) => returnedAt))
  for (const operation of left) {
    // Somebody else has returned before this one was called.
    if (operation.calledAt > firstReturn) continue
    const { key, name, inputs, output, returnedAt } = operation
    const method = mapKeyModel.operations[name]!
    const value = map.get(key) as number | undefined
    if (returnedAt !== Infinity && method.result(value, inputs) !== output) continue
    const others = new Set(left)
    others.delete(operation)
    if (placeOne(others, new Map(map).set(key, method.next(value, inputs)))) return true
  }
  return false
}
