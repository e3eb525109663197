package main

import (
	"math"
	"sort"
)

// This file and bench/programs/shared-map-sequence.ts say the same in two languages.

const (
	// Operations of a thread before they begin again.
	sequenceLength = 1 << 18
	// An operation is the number of a key, and this for a write.
	writeBit = 1 << 31
	// Of Zipf's law; 1 would be the classic one.
	zipfExponent = 0.99
	// Spreads the ranks over the keys: what is hot does not lie side by side. Prime, and no divisor of the number of keys.
	rankStep = 48_271
)

type xorshift32 uint32

func (x *xorshift32) next() uint32 {
	*x ^= *x << 13
	*x ^= *x >> 17
	*x ^= *x << 5
	return uint32(*x)
}

func (x *xorshift32) below(bound int) uint32 {
	return uint32(uint64(x.next()) * uint64(bound) >> 32)
}

// The operations of one thread.
func sequence(thread, entries, reads int, distribution string) []uint32 {
	random := xorshift32(uint32(thread+1) * 0x9e3779b9)
	var cumulative []float64
	if distribution == "zipf" {
		cumulative = zipfTable(entries)
	}
	operations := make([]uint32, sequenceLength)
	for at := range operations {
		var key uint32
		if cumulative == nil {
			key = random.below(entries)
		} else {
			share := float64(random.next()) / (1 << 32)
			rank := sort.Search(entries-1, func(rank int) bool { return cumulative[rank] > share })
			key = uint32(rank * rankStep % entries)
		}
		if int(random.below(100)) >= reads {
			key |= writeBit
		}
		operations[at] = key
	}
	return operations
}

// The share of the ranks up to each.
func zipfTable(entries int) []float64 {
	table := make([]float64, entries)
	sum := 0.0
	for rank := range table {
		sum += 1 / math.Pow(float64(rank+1), zipfExponent)
		table[rank] = sum
	}
	for rank := range table {
		table[rank] /= sum
	}
	return table
}
