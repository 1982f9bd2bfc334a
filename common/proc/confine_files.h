/*
 * Landlock: which files a role may reach, enforced by the kernel whatever the role's account may do (landlock(7)).
 */
#ifndef ANGARIUM_PROC_CONFINE_FILES_H
#define ANGARIUM_PROC_CONFINE_FILES_H

#include <stdbool.h>

/*
 * From here on this process reaches nothing but what lies beneath DIRECTORY (NULL: nothing at all), executes nothing, binds and connects no TCP
 * port (unless MAY_CONNECT: connects), and signals nobody outside of itself. What the running kernel does not know is left out. 0 or a
 * negative errno value; -ENOSYS or -EOPNOTSUPP where the kernel has no Landlock.
 */
int confine_files(const char *directory, bool may_connect);

#endif
