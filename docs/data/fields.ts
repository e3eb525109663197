import { readText } from './repository.ts'

/**
 * A JSON value whose fields are read one by one, each with what it must be. The first that is something else throws, with
 * the file, the field and the value: that line is all that a failed build shows.
 */
export class Fields {
  readonly #file: string
  readonly #at: string
  readonly #value: Record<string, unknown>

  constructor(value: unknown, at: string, file: string) {
    if (!isObject(value)) throw fault(file, at || 'the file', 'an object', value)
    this.#file = file
    this.#at = at
    this.#value = value
  }

  /** Reads a whole file. @throws Error where it is missing, is no JSON or is no object. */
  static ofFile(file: string): Fields {
    return new Fields(parse(file), '', file)
  }

  /** Reads a whole file that is a list of objects. */
  static listOfFile(file: string): Fields[] {
    return toList(parse(file), '', file)
  }

  text(key: string): string {
    const value = this.#value[key]
    if (typeof value === 'string') return value
    throw fault(this.#file, this.#path(key), 'a text', value)
  }

  number(key: string): number {
    const value = this.#value[key]
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw fault(this.#file, this.#path(key), 'a number', value)
  }

  /** One of a few texts. */
  choice<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.text(key)
    const found = choices.find((choice) => choice === value)
    if (found !== undefined) return found
    throw fault(this.#file, this.#path(key), `one of ${choices.join(', ')}`, value)
  }

  texts(key: string): string[] {
    const value = this.#value[key]
    if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value
    throw fault(this.#file, this.#path(key), 'a list of texts', value)
  }

  object(key: string): Fields {
    return new Fields(this.#value[key], this.#path(key), this.#file)
  }

  list(key: string): Fields[] {
    return toList(this.#value[key], this.#path(key), this.#file)
  }

  /** False where it is absent. */
  flag(key: string): boolean {
    const value = this.#value[key] ?? false
    if (typeof value === 'boolean') return value
    throw fault(this.#file, this.#path(key), 'true or false', value)
  }

  /** Any value, as text. */
  shown(key: string): string {
    const value = this.#value[key]
    return typeof value === 'string' ? value : JSON.stringify(value)
  }

  has(key: string): boolean {
    return this.#value[key] !== undefined && this.#value[key] !== null
  }

  isNumber(key: string): boolean {
    return Number.isFinite(this.#value[key])
  }

  keys(): string[] {
    return Object.keys(this.#value)
  }

  #path(key: string): string {
    return this.#at ? `${this.#at}.${key}` : key
  }
}

function toList(value: unknown, at: string, file: string): Fields[] {
  if (!Array.isArray(value)) throw fault(file, at || 'the file', 'a list', value)
  return value.map((entry, index) => new Fields(entry, `${at}[${index}]`, file))
}

function parse(file: string): unknown {
  const text = readText(file)
  if (text === undefined) throw new Error(`${file} does not exist`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${file} is not JSON: ${(error as Error).message}`, { cause: error })
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fault(file: string, at: string, expected: string, value: unknown): Error {
  const shown = value === undefined ? 'missing' : `${JSON.stringify(value)?.slice(0, 80)} (${typeof value})`
  return new Error(`${file}: ${at} must be ${expected}, not ${shown}`)
}
