// Blocked in C that Go has called: on the thread's own stack, over the goroutine's.
package main

/*
#include <unistd.h>
__attribute__((noinline)) int inner(int fd) { char b; return read(fd, &b, 1) + 1; }
__attribute__((noinline)) int outer(int fd) { return inner(fd) + 1; }
*/
import "C"

import (
	"fmt"
	"os"
	"syscall"
)

//go:noinline
func caller(fd int) int { return int(C.outer(C.int(fd))) + 1 }

func main() {
	var p [2]int
	if syscall.Pipe(p[:]) != nil {
		os.Exit(1)
	}
	fmt.Println("ready")
	os.Exit(caller(p[0]))
}
