/* Functions that use the maps of the firewall from C. */

#ifndef FIREWALL_H
#define FIREWALL_H

#include <linux/types.h>

/* Drops packets from and to the IPv4 addresses that begin with the first `length` bits of the text `address`.
 * `rules` is the descriptor of the map. Returns 0 or a negative errno: EINVAL if the map does not match the schema. */
int firewall_block(int rules, const char *address, __u32 length);

/* Stores the number of packets that were dropped. `counts` is the descriptor of the map. Returns 0, or a negative errno. */
int firewall_dropped(int counts, __u64 *packets);

#endif /* FIREWALL_H */
