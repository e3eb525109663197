/**
 * Instructions as bytes. Those that branch name their target by counting the blocks between, so code is a function of how
 * many blocks stand around it, and is called once it stands where it stays.
 *
 * Names are those of the WebAssembly text format; operands come first, as there: `i32.add(a, b)`.
 *
 * Sources: WebAssembly Core Specification 2.0, chapter 5 (binary format); the threads proposal for what begins with 0xfe.
 */
export type Code = (depth: number) => number[]

/** `externref`: a value of JavaScript. */
export const valueTypes = { i32: 0x7f, i64: 0x7e, f64: 0x7c, externref: 0x6f } as const
export type ValueType = keyof typeof valueTypes

/** Signed LEB128, of numbers that 32 or 64 bits hold. */
export function signed(value: bigint): number[] {
  const bytes: number[] = []
  for (let rest = value; ;) {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) return [...bytes, low]
    bytes.push(low | 0x80)
  }
}

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ;) {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    if (rest === 0) return [...bytes, low]
    bytes.push(low | 0x80)
  }
}

type Operator<Operands extends Code[]> = (...operands: Operands) => Code
const instruction =
  <Operands extends Code[]>(...opcode: number[]): Operator<Operands> =>
  (...operands) =>
  (depth) => [...operands.flatMap((operand) => operand(depth)), ...opcode]
const unary = (...opcode: number[]): Operator<[Code]> => instruction(...opcode)
const binary = (...opcode: number[]): Operator<[Code, Code]> => instruction(...opcode)

type Access<Operands extends Code[]> = (address: Code, offset: number, ...operands: Operands) => Code
/** `alignment` is a power of two, given by its exponent; atomic accesses have to have their natural one. */
const access =
  <Operands extends Code[]>(alignment: number, ...opcode: number[]): Access<Operands> =>
  (address, offset, ...operands) =>
  (depth) => [
    ...address(depth),
    ...operands.flatMap((operand) => operand(depth)),
    ...opcode,
    alignment,
    ...unsigned(offset),
  ]

type Load = Access<[]>
type Store = Access<[Code]>
type Unary = Operator<[Code]>
type Binary = Operator<[Code, Code]>

interface I32
  extends
    Record<'eqz' | 'wrapI64', Unary>,
    Record<
      'eq' | 'ne' | 'ltS' | 'ltU' | 'gtU' | 'geU' | 'add' | 'sub' | 'mul' | 'and' | 'or' | 'xor' | 'shl' | 'shrU',
      Binary
    >,
    Record<'load' | 'privateLoad', Load>,
    Record<'store' | 'privateStore' | 'rmwAdd' | 'rmwSub', Store> {
  const(value: number): Code
  /** `(address, offset, expected, replacement)`; gives what was there. */
  rmwCompareExchange: Access<[Code, Code]>
}

/** Loads and stores are atomic, and so sequentially consistent, unless they are called private. */
export const i32: I32 = {
  const: (value) => () => [0x41, ...signed(BigInt(value | 0))],
  eqz: unary(0x45),
  eq: binary(0x46),
  ne: binary(0x47),
  ltS: binary(0x48),
  ltU: binary(0x49),
  gtU: binary(0x4b),
  geU: binary(0x4f),
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  and: binary(0x71),
  or: binary(0x72),
  xor: binary(0x73),
  shl: binary(0x74),
  shrU: binary(0x76),
  wrapI64: unary(0xa7),
  load: access<[]>(2, 0xfe, 0x10),
  store: access<[Code]>(2, 0xfe, 0x17),
  rmwAdd: access<[Code]>(2, 0xfe, 0x1e),
  rmwSub: access<[Code]>(2, 0xfe, 0x25),
  rmwCompareExchange: access<[Code, Code]>(2, 0xfe, 0x48),
  privateLoad: access<[]>(2, 0x28),
  privateStore: access<[Code]>(2, 0x36),
}

interface I64
  extends
    Record<'extendI32U' | 'truncF64' | 'reinterpretF64', Unary>,
    Record<'eq' | 'ne' | 'add' | 'mul' | 'and' | 'or' | 'shl' | 'shrU', Binary>,
    Record<'load' | 'privateLoad', Load>,
    Record<'store' | 'privateStore', Store> {
  const(value: bigint): Code
}

export const i64: I64 = {
  const: (value) => () => [0x42, ...signed(BigInt.asIntN(64, value))],
  eq: binary(0x51),
  ne: binary(0x52),
  add: binary(0x7c),
  mul: binary(0x7e),
  and: binary(0x83),
  or: binary(0x84),
  shl: binary(0x86),
  shrU: binary(0x88),
  extendI32U: unary(0xad),
  truncF64: unary(0xfc, 0x06),
  reinterpretF64: unary(0xbd),
  load: access<[]>(3, 0xfe, 0x11),
  store: access<[Code]>(3, 0xfe, 0x18),
  privateLoad: access<[]>(3, 0x29),
  privateStore: access<[Code]>(3, 0x37),
}

interface F64 extends Record<'le' | 'add', Binary>, Record<'reinterpretI64', Unary>, Record<'privateLoad', Load> {
  const(value: number): Code
}

export const f64: F64 = {
  const: (value) => () => [0x44, ...new Uint8Array(new Float64Array([value]).buffer)],
  le: binary(0x65),
  add: binary(0xa0),
  reinterpretI64: unary(0xbf),
  privateLoad: access<[]>(3, 0x2b),
}

/** Wakes at most as many waiters as the operand says; gives how many it woke. */
export const notify: Access<[Code]> = access(2, 0xfe, 0x00)
export const drop: Operator<[Code]> = unary(0x1a)
export const giveBack: Operator<Code[]> = instruction(0x0f)

export const sequence =
  (...steps: Code[]): Code =>
  (depth) =>
    steps.flatMap((step) => step(depth))

/** Where a branch goes. */
export interface Label {
  depth: number
}

const nested =
  (opcode: number, body: (label: Label) => Code): Code =>
  (depth) => {
    const label = { depth: depth + 1 }
    return [opcode, 0x40, ...body(label)(depth + 1), 0x0b]
  }

/** A branch to its label leaves it. */
export const block = (body: (exit: Label) => Code): Code => nested(0x02, body)
/** A branch to its label begins it again. */
export const loop = (body: (again: Label) => Code): Code => nested(0x03, body)

export const branch =
  (label: Label): Code =>
  (depth) => [0x0c, ...unsigned(depth - label.depth)]

export const branchIf =
  (label: Label, condition: Code): Code =>
  (depth) => [...condition(depth), 0x0d, ...unsigned(depth - label.depth)]

/** One of two values; only that one is evaluated. */
export const choose =
  (type: ValueType, condition: Code, then: Code, otherwise: Code): Code =>
  (depth) => [...condition(depth), 0x04, valueTypes[type], ...then(depth + 1), 0x05, ...otherwise(depth + 1), 0x0b]

export const when =
  (condition: Code, then: Code, otherwise?: Code): Code =>
  (depth) => [
    ...condition(depth),
    0x04,
    0x40,
    ...then(depth + 1),
    ...(otherwise === undefined ? [] : [0x05, ...otherwise(depth + 1)]),
    0x0b,
  ]
