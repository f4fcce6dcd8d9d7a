# What rustc made of these types, its debugging information but BTF left out:
#
#   #[repr(C, u32)] enum Verdict { Pass, Drop(u32), Redirect { ifindex: u32, port: u64 } }
#   enum Opt { None, Some(u64) }
#   enum OptPtr<T> { None, Some(T) }
#   #[repr(u8)] enum Plain { A = 1, B = 2 }
#   #[repr(C)] struct Inner { a: u32, b: u8 }
#   struct Phantom;
#   #[repr(C)] struct Value {
#       v: Verdict, o: Opt, p: Plain, i: Inner, ph: Phantom, f: bool, c: OptPtr<u32>, t: (u8, u64),
#   }
#   #[repr(C)] struct Def {
#       r#type: *const [i32; 1], key: *const u32, value: *const Value, max_entries: *const [i32; 16],
#   }
#   #[no_mangle] #[link_section = ".maps"] static mut FLOWS: Def = …;
#
# rustc --target bpfel-unknown-none --emit=asm -C debuginfo=2
	.type	FLOWS,@object
	.section	.maps,"aw",@progbits
	.globl	FLOWS
	.p2align	3, 0x0
FLOWS:
	.zero	32
	.size	FLOWS, 32
	.section	.BTF,"",@progbits
	.short	60319
	.byte	1
	.byte	0
	.long	24, 0, 884, 884, 219, 0, 33554432, 3
	.long	1, 16777216, 4, 16777248, 0, 50331648, 0, 2
	.long	4, 1, 5, 16777216, 4, 32, 0, 33554432
	.long	6, 25, 16777216, 4, 32, 0, 33554432, 8
	.long	29, 67108872, 80, 35, 9, 0, 37, 15
	.long	192, 39, 19, 320, 41, 20, 352, 43
	.long	22, 416, 46, 23, 416, 48, 24, 448
	.long	50, 28, 512, 52, 67108865, 24, 0, 10
	.long	0, 0, 83886084, 24, 0, 6, 0, 60
	.long	11, 0, 65, 12, 0, 70, 13, 0
	.long	60, 67108864, 24, 65, 67108865, 24, 79, 6
	.long	64, 70, 67108866, 24, 83, 6, 64, 91
	.long	14, 128, 96, 16777216, 8, 64, 100, 67108865
	.long	16, 0, 16, 0, 0, 83886083, 16, 0
	.long	14, 0, 104, 17, 0, 109, 18, 0
	.long	104, 67108864, 16, 109, 67108865, 16, 79, 14
	.long	64, 114, 100663298, 1, 120, 1, 122, 2
	.long	124, 67108866, 8, 130, 6, 0, 132, 21
	.long	32, 134, 16777216, 1, 8, 137, 67108864, 0
	.long	145, 16777216, 1, 67108872, 150, 67108865, 8, 0
	.long	25, 0, 0, 83886083, 8, 0, 6, 0
	.long	104, 26, 0, 109, 27, 0, 104, 67108864
	.long	8, 109, 67108865, 8, 79, 6, 32, 162
	.long	67108866, 16, 79, 21, 0, 172, 14, 64
	.long	0, 33554432, 30, 0, 50331648, 0, 2, 4
	.long	16, 176, 67108868, 32, 180, 1, 0, 185
	.long	5, 64, 189, 7, 128, 195, 29, 192
	.long	207, 234881024, 31, 1, 213, 251658241, 0, 32
	.long	FLOWS, 32
	.byte	0
	.asciz	"i32"
	.asciz	"__ARRAY_SIZE_TYPE__"
	.asciz	"u32"
	.asciz	"Value"
	.asciz	"v"
	.asciz	"o"
	.asciz	"p"
	.asciz	"i"
	.asciz	"ph"
	.asciz	"f"
	.asciz	"c"
	.asciz	"t"
	.asciz	"Verdict"
	.asciz	"Pass"
	.asciz	"Drop"
	.asciz	"Redirect"
	.asciz	"__0"
	.asciz	"ifindex"
	.asciz	"port"
	.asciz	"u64"
	.asciz	"Opt"
	.asciz	"None"
	.asciz	"Some"
	.asciz	"Plain"
	.asciz	"A"
	.asciz	"B"
	.asciz	"Inner"
	.asciz	"a"
	.asciz	"b"
	.asciz	"u8"
	.asciz	"Phantom"
	.asciz	"bool"
	.asciz	"OptPtr<u32>"
	.asciz	"(u8, u64)"
	.asciz	"__1"
	.asciz	"Def"
	.asciz	"type"
	.asciz	"key"
	.asciz	"value"
	.asciz	"max_entries"
	.asciz	"FLOWS"
	.asciz	".maps"
