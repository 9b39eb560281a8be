// A goroutine in a system call, and the threads of the runtime beside it.
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

var sink int

//go:noinline
func leaf(fd int) int {
	var b [1]byte
	n, _ := syscall.Read(fd, b[:])
	sink += n
	return n
}

//go:noinline
func middle(fd int, n int) int {
	if n == 0 {
		return leaf(fd) + 1
	}
	return middle(fd, n-1) + 1
}

func worker(fd int) { sink += middle(fd, 3) }

func main() {
	var p [2]int
	if syscall.Pipe(p[:]) != nil {
		os.Exit(1)
	}
	go worker(p[0])
	time.Sleep(200 * time.Millisecond)
	fmt.Println("ready")
	time.Sleep(300 * time.Second)
	os.Exit(0)
}
