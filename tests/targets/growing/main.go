// A Go program whose stacks grow while its functions are traced: at the entry check, so that a probe at the very entry
// would count some calls twice; and moved, so that the kernel's return probe would crash it. Panics cross the functions
// too.
//
//	growing ROUNDS GOROUTINES
//
// The traced functions are main.traced_*. The tally: @entered = count() at their entries, @depths = sum(arg0) of
// main.traced_grow, @returned = count() at their returns, @results = sum(retval); and @stack_args = sum(arg0 + arg1) of
// main.traced_assembly.abi0, whose arguments are passed on the stack.
package main

import (
	"os"
	"strconv"
	"sync"
)

type counts struct {
	entered, returned, results, depths, stackArgs uint64
}

// In add_amd64.s.
func traced_assembly(a, b uint64) uint64

//go:noinline
func traced_grow(depth int, in *counts) int {
	in.entered++
	in.depths += uint64(depth)
	var frame [32]int
	frame[depth&31] = depth
	if depth > 0 {
		frame[1] = traced_grow(depth-1, in)
	}
	in.returned++
	result := frame[1]&0xffff + frame[depth&31]
	in.results += uint64(result)
	return result
}

//go:noinline
func traced_panic(round int, in *counts) int {
	in.entered++
	if round%2 == 1 {
		panic(round)
	}
	in.returned++
	in.results += uint64(round)
	return round
}

//go:noinline
func traced_recover(round int, in *counts) (result int) {
	in.entered++
	defer func() {
		if recover() != nil {
			result = 1
		}
		in.returned++
		in.results += uint64(result)
	}()
	return traced_panic(round, in) + 1
}

func work(rounds int, in *counts) {
	for round := 0; round < rounds; round++ {
		// A goroutine of its own has a stack of its own, which begins small.
		var done sync.WaitGroup
		done.Add(1)
		go func(round int) {
			traced_grow(20+round%200, in)
			traced_recover(round, in)
			in.stackArgs += traced_assembly(uint64(round), 3)
			done.Done()
		}(round)
		done.Wait()
	}
}

func tell(name string, value uint64) {
	os.Stdout.WriteString("tally " + name + ": " + strconv.FormatUint(value, 10) + "\n")
}

func main() {
	rounds, _ := strconv.Atoi(os.Args[1])
	goroutines, _ := strconv.Atoi(os.Args[2])
	all := make([]counts, goroutines)
	var done sync.WaitGroup
	for i := range all {
		done.Add(1)
		go func(i int) {
			work(rounds, &all[i])
			done.Done()
		}(i)
	}
	done.Wait()
	var sum counts
	for _, each := range all {
		sum.entered += each.entered
		sum.returned += each.returned
		sum.results += each.results
		sum.depths += each.depths
		sum.stackArgs += each.stackArgs
	}
	wanted := os.Args[3:]
	for _, row := range []struct {
		name  string
		value uint64
	}{{"@depths", sum.depths}, {"@entered", sum.entered}, {"@results", sum.results}, {"@returned", sum.returned},
		{"@stack_args", sum.stackArgs}} {
		for _, name := range wanted {
			if name == row.name {
				tell(row.name, row.value)
			}
		}
	}
}
