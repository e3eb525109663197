import { poolOf } from './pool-of.ts'

/** Makes a pool, uses it unless told otherwise, and comes to its end with or without one of the pool's. */
const [how] = process.argv.slice(2)
const pool = poolOf()
process.stdout.write('made')
if (how !== 'unused') process.stdout.write(` ${await pool.run('double', 21)}`)
if (how === 'dispose') await pool[Symbol.asyncDispose]()
