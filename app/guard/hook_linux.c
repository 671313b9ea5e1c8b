//go:build linux && desktop && !bindings

#include "hook_linux.h"
#include <webkit2/webkit2.h>
#include "_cgo_export.h"

/* A web process that dies while it starts would otherwise spin: one try a second. */
enum { RELOAD_MS = 1000, LOOK_AGAIN_MS = 20 };

/* The page may start its sound by itself: the window is the host's own, and the
 * player still begins muted where it must. */
static void allow(WebKitPolicyDecision *decision) {
	WebKitWebsitePolicies *policies =
		webkit_website_policies_new_with_policies("autoplay", WEBKIT_AUTOPLAY_ALLOW, NULL);
	webkit_policy_decision_use_with_policies(decision, policies);
	g_object_unref(policies);
}

/* Sees frames and new windows too, not only the page itself. */
static gboolean decide(WebKitWebView *view, WebKitPolicyDecision *decision,
                       WebKitPolicyDecisionType type, gpointer hook) {
	gboolean new_window = type == WEBKIT_POLICY_DECISION_TYPE_NEW_WINDOW_ACTION;
	if (!new_window && type != WEBKIT_POLICY_DECISION_TYPE_NAVIGATION_ACTION)
		return FALSE; /* a response: the default is right */

	WebKitNavigationAction *action = webkit_navigation_policy_decision_get_navigation_action(
		WEBKIT_NAVIGATION_POLICY_DECISION(decision));
	const gchar *uri = webkit_uri_request_get_uri(webkit_navigation_action_get_request(action));
	gboolean gesture = webkit_navigation_action_is_user_gesture(action);

	if (guardAllows((uintptr_t)hook, (char *)(uri ? uri : ""), new_window, gesture))
		allow(decision);
	else
		webkit_policy_decision_ignore(decision);
	return TRUE;
}

static gboolean load_first_page(gpointer view) {
	webkit_web_view_load_uri(WEBKIT_WEB_VIEW(view), "wails://wails/");
	return G_SOURCE_REMOVE;
}

/* Wails alone would leave the window blank for ever. */
static void died(WebKitWebView *view, WebKitWebProcessTerminationReason reason, gpointer hook) {
	guardDied((uintptr_t)hook);
	g_timeout_add_full(G_PRIORITY_DEFAULT, RELOAD_MS, load_first_page, g_object_ref(view), g_object_unref);
}

static void find_view(GtkWidget *widget, gpointer found) {
	if (WEBKIT_IS_WEB_VIEW(widget))
		*(GtkWidget **)found = widget;
	else if (GTK_IS_CONTAINER(widget))
		gtk_container_forall(GTK_CONTAINER(widget), find_view, found);
}

static gboolean hook_view(gpointer hook) {
	GtkWidget *view = NULL;
	GList *windows = gtk_window_list_toplevels();
	for (GList *w = windows; w != NULL && view == NULL; w = w->next)
		find_view(GTK_WIDGET(w->data), &view);
	g_list_free(windows);
	if (view == NULL)
		return G_SOURCE_CONTINUE;

	g_signal_connect(view, "decide-policy", G_CALLBACK(decide), hook);
	g_signal_connect(view, "web-process-terminated", G_CALLBACK(died), hook);
	guardInstalled((uintptr_t)hook);
	return G_SOURCE_REMOVE;
}

void guard_install(uintptr_t hook) {
	g_timeout_add(LOOK_AGAIN_MS, hook_view, (gpointer)hook);
}
